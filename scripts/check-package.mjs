// Packs the build that is there and checks the tarball as another project would see it. Works offline.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const needed = [
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'bin/surgicase.mjs',
  'dist/client/cli.js',
  'dist/host/index.js',
  'dist/host/index.d.ts',
  'dist/workflow-bundle.js',
  'dist/db/schema/migrations/0001_scheduler.sql',
];
const unwanted = /^(?:test|scripts|examples|dist\/bench|dist\/workflows)\/|\.map$|(?<!\.d)\.ts$/;

const folder = mkdtempSync(join(tmpdir(), 'surgicase-package-'));
try {
  // --ignore-scripts: prepack would build a second time.
  const [{ filename, files }] = JSON.parse(
    run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]),
  );
  const paths = files.map(({ path }) => path);
  for (const path of needed) if (!paths.includes(path)) throw new Error(`the package lacks ${path}`);
  for (const path of paths)
    if (unwanted.test(path)) throw new Error(`${path} does not belong in the package`);
  const tarball = join(folder, filename);
  run('npx', ['publint', 'run', tarball, '--strict']);
  run('npx', ['attw', tarball, '--profile', 'esm-only', '--no-definitely-typed', '--no-color']);
} finally {
  rmSync(folder, { recursive: true });
}

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed\n${stdout}${stderr}`);
  return stdout;
}
