import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalError, cacheDir } from './service.ts';

const run = promisify(execFile);

/** A MySQL server in a folder, with the loader and libraries that it was built against. */
export interface UnpackedMysql {
  readonly root: string;
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * Unpacks a MySQL server from Debian's archive into this user's cache. Needs no root and installs nothing.
 * Debian stable has no MySQL, so the server comes from `sid`, with the libc of `sid` (tried with 9.7.4, 2026-11).
 * @returns undefined when this host does not run Debian
 */
export async function unpackMysql(): Promise<UnpackedMysql | undefined> {
  if (!/^ID=debian$/m.test(readIfThere('/etc/os-release'))) return undefined;
  const root = join(cacheDir(), 'mysql');
  if (!existsSync(root)) await unpackInto(root);
  const libraries = readdirSync(join(root, 'usr', 'lib')).find((name) => name.endsWith('-linux-gnu')) ?? '';
  const folder = join(root, 'usr', 'lib', libraries);
  const loader = readdirSync(folder).find((name) => /^ld-linux.*\.so\.\d$/.test(name)) ?? '';
  const share = join(root, 'usr', 'share', 'mysql');
  return {
    root,
    command: join(folder, loader),
    args: [
      '--library-path',
      folder,
      join(root, 'usr', 'sbin', 'mysqld'),
      '--no-defaults',
      `--basedir=${join(root, 'usr')}`,
      `--lc-messages-dir=${share}`,
      `--character-sets-dir=${join(share, 'charsets')}`,
      `--plugin-dir=${join(root, 'usr', 'lib', 'mysql', 'plugin')}`,
    ],
  };
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Renames the folder when it is complete, so that a killed start leaves nothing that looks like a server. */
async function unpackInto(root: string): Promise<void> {
  const work = `${root}-unfinished-${process.pid}`;
  const archives = join(work, 'archives');
  for (const folder of ['lists/partial', 'archives/partial', 'root'])
    mkdirSync(join(work, folder), { recursive: true });
  const architecture = (await run('dpkg', ['--print-architecture'])).stdout.trim();
  writeAptConfig(work, architecture);
  const env = { ...process.env, APT_CONFIG: join(work, 'apt.conf') };
  await run('apt-get', ['-qq', 'update'], { env });
  const plan = await run('apt-get', ['-s', '-y', 'install', 'mysql-server-core'], { env });
  const names = plan.stdout.split('\n').flatMap((line) => /^Inst (\S+)/.exec(line)?.[1] ?? []);
  // apt verifies the signed hashes of its downloads.
  await run('apt-get', ['-qq', 'download', ...names], { env, cwd: archives });
  for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(archives, name), join(work, 'root')]);
  }
  renameSync(join(work, 'root'), root);
  rmSync(work, { recursive: true, force: true });
}

/** A separate apt configuration with this host's mirror and keyring. It lists perl as installed: mysqld never calls it. */
function writeAptConfig(work: string, architecture: string): void {
  const sources = '/etc/apt/sources.list.d/debian.sources';
  const uri = /^URIs:\s*(\S+)/m.exec(readIfThere(sources))?.[1];
  if (uri === undefined) throw new LocalError(`${sources} does not name a mirror.`);
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
      'APT::Sandbox::User "";',
      'Debug::NoLocking "true";',
      '',
    ].join('\n'),
  );
}
