import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isDebian } from '../../../local/bootstrap/debian-package.js';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const configured = { DATABASE_URL: 'mysql://a:b@127.0.0.1:1/c', TEMPORAL_ADDRESS: '127.0.0.1:1' };

let clone: string;
/** A fresh clone, as far as scripts/prepare.mjs needs one, with programs of its own on PATH. */
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'surgicase-clone-'));
  for (const name of ['scripts/prepare.mjs', 'local/bootstrap', 'package.json', 'package-lock.json'])
    cpSync(join(repository, name), join(clone, name), { recursive: true });
  mkdirSync(join(clone, 'programs'));
});
afterEach(() => {
  rmSync(clone, { recursive: true, force: true });
});

const program = (name: string, text: string) =>
  writeFileSync(join(clone, 'programs', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });

function prepare(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [join(clone, 'scripts', 'prepare.mjs'), ...args], {
    cwd: clone,
    env: { PATH: `${join(clone, 'programs')}:/usr/bin:/bin`, HOME: clone, ...env },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, exit, shown: () => text };
}

describe('npm start in a fresh clone', () => {
  it.each([
    [['start'], 0],
    [[], 130],
  ])('ends npm at once on Ctrl-C and says so: arguments %j, exit code %i', async (args, code) => {
    program('npm', 'echo $$ > npm.pid; exec sleep 60');
    const { child, exit, shown } = prepare(args, configured);
    const pidFile = join(clone, 'npm.pid');
    await expect.poll(() => existsSync(pidFile), { timeout: 20_000 }).toBe(true);
    child.kill('SIGINT');
    expect(await exit).toBe(code);
    expect(shown()).toContain('Stopping (Installing npm packages).');
    expect(() => process.kill(Number(readFileSync(pidFile, 'utf8')), 0)).toThrow('ESRCH');
  });

  it.runIf(isDebian())('fetches MySQL while npm installs, and says why it could not', async () => {
    program('apt-get', 'echo "no mirror answers" >&2; exit 1');
    program('npm', 'exec sleep 60');
    program('docker', 'exit 1');
    const { child, exit, shown } = prepare(['start'], { TEMPORAL_ADDRESS: configured.TEMPORAL_ADDRESS });
    await expect.poll(shown, { timeout: 20_000 }).toContain('no mirror answers');
    child.kill('SIGINT');
    expect(await exit).toBe(0);
    expect(existsSync(join(clone, '.cache', 'surgicase', 'mysql'))).toBe(false);
  });
});
