import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { cacheDir, run } from './host.js';

/**
 * @typedef {object} UnpackedMysql A MySQL server in a folder, with the loader and libraries that it was built against.
 * @property {string} command
 * @property {string[]} args
 */

const root = () => join(cacheDir(), 'mysql');

/**
 * The server that an earlier start fetched.
 * @returns {UnpackedMysql | undefined}
 */
export function unpackedMysql() {
  const folder = root();
  if (!existsSync(folder)) return undefined;
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
  };
}

/** Whether this host runs Debian. */
export const isDebian = () => /^ID=debian$/m.test(readIfThere('/etc/os-release'));

/**
 * Unpacks a MySQL server from Debian's archive into this user's cache, unless it is there. Needs no root and installs
 * nothing. Debian stable has no MySQL, so the server comes from `sid`, with the libc of `sid` (tried with 9.7.4, 2026-11).
 * @param {AbortSignal} signal
 */
export async function fetchMysql(signal) {
  if (existsSync(root())) return;
  const work = `${root()}-unfinished-${process.pid}`;
  try {
    await unpackInto(work, signal);
    renameSync(join(work, 'root'), root());
  } catch (error) {
    // Another start may have fetched it meanwhile.
    if (!existsSync(root())) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * @param {string} path
 */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/**
 * @param {string} work
 * @param {AbortSignal} signal
 */
async function unpackInto(work, signal) {
  for (const folder of ['lists/partial', 'archives/partial', 'root'])
    mkdirSync(join(work, folder), { recursive: true });
  const architecture = (await run('dpkg', ['--print-architecture'], { signal })).stdout.trim();
  writeAptConfig(work, architecture);
  const env = { ...process.env, APT_CONFIG: join(work, 'apt.conf') };
  await run('apt-get', ['-qq', 'update'], { env, signal });
  // One call finds the dependencies and downloads them: each call reads the whole index again. apt verifies the signed
  // hashes of its downloads.
  await run('apt-get', ['-qq', '-y', '--download-only', 'install', 'mysql-server-core'], { env, signal });
  const archives = join(work, 'archives');
  const packages = readdirSync(archives).filter((file) => file.endsWith('.deb'));
  if (packages.length === 0) throw new Error('apt downloaded no package');
  const lane = async () => {
    for (let name = packages.pop(); name !== undefined; name = packages.pop()) {
      await run('dpkg-deb', ['-x', join(archives, name), join(work, 'root')], { signal });
    }
  };
  await Promise.all([lane(), lane()]);
}

/**
 * Writes a separate apt configuration with this host's mirror and keyring. It lists perl as installed: mysqld never calls
 * it.
 * @param {string} work
 * @param {string} architecture
 */
function writeAptConfig(work, architecture) {
  const sources = '/etc/apt/sources.list.d/debian.sources';
  const uri = /^URIs:\s*(\S+)/m.exec(readIfThere(sources))?.[1];
  if (uri === undefined) throw new Error(`${sources} does not name a mirror`);
  const perl = [
    'Package: perl',
    'Status: install ok installed',
    `Architecture: ${architecture}`,
    'Multi-Arch: allowed',
  ];
  writeFileSync(
    join(work, 'status'),
    [...perl, 'Version: 99', 'Maintainer: none <none@localhost>', 'Description: stand-in', '', ''].join('\n'),
  );
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(
    join(work, 'list.sources'),
    `Types: deb\nURIs: ${uri}\nSuites: sid\nComponents: main\nSigned-By: ${keyring}\n`,
  );
  writeFileSync(
    join(work, 'apt.conf'),
    [
      `Dir::State "${work}";`,
      `Dir::State::Lists "${join(work, 'lists')}";`,
      `Dir::State::status "${join(work, 'status')}";`,
      `Dir::Cache "${work}";`,
      `Dir::Cache::archives "${join(work, 'archives')}";`,
      `Dir::Etc::sourcelist "${join(work, 'list.sources')}";`,
      'Dir::Etc::sourceparts "-";',
      `APT::Architecture "${architecture}";`,
      `APT::Architectures { "${architecture}"; };`,
      'APT::Install-Recommends "false";',
      'Acquire::Languages "none";',
      // A host with appstream would fetch 9 MB of descriptions.
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
      'APT::Sandbox::User "";',
      'Debug::NoLocking "true";',
      '',
    ].join('\n'),
  );
}
