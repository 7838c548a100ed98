import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDebian, unpackFromDebian } from '../../local/bootstrap/debian-package.js';
import { cacheDir } from '../../local/bootstrap/host.js';

const root = () => join(cacheDir(), 'mariadb-10.11');

/**
 * Unpacks MariaDB 10.11 from Debian 12 into this user's cache, unless it is there, and writes programs that run it into a
 * folder for PATH: `mysqld`, as Debian names it, and `mariadb-install-db`.
 * @returns the folder
 * @throws on a host that is not Debian
 */
export async function mariadbPrograms(): Promise<string> {
  if (!isDebian())
    throw new Error('The tests on MariaDB get it from the package archive of Debian: run them on Debian.');
  if (!existsSync(root())) await unpack();
  const usr = join(root(), 'usr');
  const folder = join(root(), 'programs');
  const library = readdirSync(join(usr, 'lib')).find((name) => name.endsWith('-linux-gnu')) ?? '';
  const environment = `LD_LIBRARY_PATH='${join(usr, 'lib', library)}'`;
  const places = `--basedir='${usr}' --lc-messages-dir='${join(usr, 'share', 'mysql')}'`;
  mkdirSync(folder, { recursive: true });
  // MariaDB reads `--no-defaults` only as the first option.
  write(
    join(folder, 'mysqld'),
    `shift; ${environment} exec '${join(usr, 'sbin', 'mariadbd')}' --no-defaults ${places} "$@"`,
  );
  write(
    join(folder, 'mariadb-install-db'),
    `${environment} exec '${join(usr, 'bin', 'mariadb-install-db')}' "$@" --basedir='${usr}'`,
  );
  return folder;
}

async function unpack(): Promise<void> {
  const work = `${root()}-unfinished-${process.pid}`;
  const { signal } = new AbortController();
  // `mariadb-install-db` needs a program of the client.
  const names = ['mariadb-server-core', 'mariadb-client-core'];
  const unpacked = await unpackFromDebian({ suite: 'bookworm', names, work, signal });
  renameSync(unpacked, root());
  rmSync(work, { recursive: true });
}

function write(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}
