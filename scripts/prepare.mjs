// Runs before `npm start`, `npm test` and `npm run bench`, even when nothing is installed, so it has no dependencies.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const root = join(import.meta.dirname, '..');
const sourceFolders = [
  'config',
  'telemetry',
  'nppes',
  'spool',
  'contract',
  'db',
  'activities',
  'workflows',
  'worker',
  'client',
  'host',
  'local',
  'bench',
];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old: install Node 20.19 or later.`);
}

install();
build();

/** Installs when `node_modules` is missing or was installed from another lock file. */
function install() {
  const stamp = join(root, 'node_modules', '.surgicase-lock');
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say(existsSync(stamp) ? 'installing, because the lock file has changed' : 'installing for the first time');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, lock);
}

/**
 * Builds when a source is newer than the last build, or always with `--build`. Empties `dist` first, so that no file of a
 * deleted source remains.
 */
function build() {
  const stamp = join(root, 'dist', '.built');
  const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  if (!process.argv.includes('--build') && newestSource() <= builtAt) return;
  say('building');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(process.execPath, [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  ]);
  const migrations = join(root, 'db', 'schema', 'migrations');
  if (existsSync(migrations))
    cpSync(migrations, join(root, 'dist', 'db', 'schema', 'migrations'), { recursive: true });
  const bundle = join(root, 'dist', 'worker', 'bundle.js');
  if (existsSync(bundle)) run(process.execPath, [bundle]);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stamp, '');
}

function newestSource() {
  const files = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  for (const folder of sourceFolders) {
    if (!existsSync(join(root, folder))) continue;
    for (const name of readdirSync(join(root, folder), { recursive: true })) files.push(join(folder, name));
  }
  return Math.max(...files.map((name) => statSync(join(root, name)).mtimeMs));
}

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  fail(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

function say(line) {
  process.stderr.write(`surgicase: ${line}\n`);
}

function fail(message) {
  process.stderr.write(`surgicase: ${message}\n`);
  process.exit(1);
}
