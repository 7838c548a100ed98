import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { variables } from '../../../config/variables.ts';

// The files of deploy/, as far as they can be checked without systemd's manager, a Docker daemon and a cluster.
const root = fileURLToPath(new URL('../../..', import.meta.url));
const deploy = join(root, 'deploy');
const text = (file: string) => readFileSync(join(deploy, file), 'utf8');
const units = readdirSync(deploy).filter((file) => file.endsWith('.service'));

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!hasSystemd) console.warn('SKIPPED: checking deploy/*.service needs systemd-analyze');

it.runIf(hasSystemd).each(units)('systemd-analyze verify accepts %s', (unit) => {
  const folder = mkdtempSync(join(tmpdir(), 'surgicase-unit-'));
  // This host has neither the user nor Node in /usr/bin.
  const local = text(unit).replace('/usr/bin/node', process.execPath).replace('User=surgicase', 'User=root');
  writeFileSync(join(folder, unit), local.replace('Group=surgicase', 'Group=root'));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, unit)], {
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  expect([status, stderr]).toEqual([0, '']);
});

it('sets only variables that the service knows', () => {
  const ofOthers = /^(?:NODE_ENV|PORT|MYSQL_(?:DATABASE|ROOT_PASSWORD|PASSWORD))$/;
  const known = new Set([...Object.keys(variables.shape), 'TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE']);
  for (const file of readdirSync(deploy)) {
    const lines = text(file)
      .split('\n')
      .filter((line) => !line.trim().startsWith('#'));
    const names = Array.from(
      lines.join('\n').matchAll(/\b([A-Z]+(?:_[A-Z]+)+)(?=[:=]|, value)/g),
      ([, name]) => name ?? '',
    );
    expect(
      names.filter((name) => !known.has(name) && !ofOthers.test(name)),
      file,
    ).toEqual([]);
  }
});

it('the image gets every folder that the build reads, and nothing else', () => {
  const kept = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? line.slice(1) : []));
  expect(kept.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  const [, list = ''] =
    /const sourceFolders = \[(.*?)\]/s.exec(readFileSync(join(root, 'scripts/prepare.mjs'), 'utf8')) ?? [];
  const sources = Array.from(list.matchAll(/'(\w+)'/g), ([, name]) => name);
  expect(sources.length).toBeGreaterThan(10);
  expect(kept).toEqual(expect.arrayContaining(sources));
});
