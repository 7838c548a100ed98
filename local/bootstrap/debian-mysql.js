import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { unpackFromDebian } from './debian-package.js';
import { cacheDir, run } from './host.js';

/**
 * @typedef {object} UnpackedMysql A MySQL server in a folder, with the loader and libraries that it was built against.
 * @property {string} command
 * @property {string[]} args
 * @property {string} emptyData An empty data folder, to be copied. Creating one takes the server seconds.
 */

const root = () => join(cacheDir(), 'mysql');

/**
 * The server that an earlier start fetched.
 * @returns {UnpackedMysql | undefined}
 */
export function unpackedMysql() {
  return existsSync(emptyData(root())) ? mysqlIn(root()) : undefined;
}

/** @param {string} folder */
const emptyData = (folder) => join(folder, 'empty-data');

/**
 * @param {string} folder
 * @returns {UnpackedMysql}
 */
function mysqlIn(folder) {
  const libraries = readdirSync(join(folder, 'usr', 'lib')).find((name) => name.endsWith('-linux-gnu')) ?? '';
  const libraryPath = join(folder, 'usr', 'lib', libraries);
  const loader = readdirSync(libraryPath).find((name) => /^ld-linux.*\.so\.\d$/.test(name)) ?? '';
  const share = join(folder, 'usr', 'share', 'mysql');
  return {
    command: join(libraryPath, loader),
    args: [
      '--library-path',
      libraryPath,
      join(folder, 'usr', 'sbin', 'mysqld'),
      '--no-defaults',
      `--basedir=${join(folder, 'usr')}`,
      `--lc-messages-dir=${share}`,
      `--character-sets-dir=${join(share, 'charsets')}`,
      `--plugin-dir=${join(folder, 'usr', 'lib', 'mysql', 'plugin')}`,
    ],
    emptyData: emptyData(folder),
  };
}

/**
 * Unpacks a MySQL server from Debian's archive into this user's cache, unless it is there. Needs no root and installs
 * nothing. Debian stable has no MySQL, so the server comes from `sid`, with the libc of `sid` (tried with 9.7.4, 2026-11).
 * @param {AbortSignal} signal
 */
export async function fetchMysql(signal) {
  if (unpackedMysql()) return;
  // A cache of an earlier version has no empty data folder.
  rmSync(root(), { recursive: true, force: true });
  const work = `${root()}-unfinished-${process.pid}`;
  try {
    const unpacked = await unpackFromDebian({ suite: 'sid', names: ['mysql-server-core'], work, signal });
    await createEmptyData(mysqlIn(unpacked), signal);
    renameSync(unpacked, root());
  } catch (error) {
    // Another start may have fetched it meanwhile.
    if (!unpackedMysql()) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * @param {UnpackedMysql} mysql
 * @param {AbortSignal} signal
 */
async function createEmptyData({ command, args, emptyData: data }, signal) {
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  await run(command, [...args, ...asRoot, `--datadir=${data}`, '--initialize-insecure'], {
    signal,
    // mysqld finishes its data folder before it heeds a SIGTERM.
    killSignal: 'SIGKILL',
  });
  // A server creates its own identity and keys at its first start.
  for (const name of readdirSync(data)) {
    if (name === 'auto.cnf' || name.endsWith('.pem')) rmSync(join(data, name));
  }
}
