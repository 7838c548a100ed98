import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { run } from './host.js';

/** Whether this host runs Debian. */
export const isDebian = () => /^ID=debian$/m.test(readIfThere('/etc/os-release'));

/**
 * Downloads packages and everything they need from Debian's archive, and unpacks all of them into a folder. Needs no root and
 * installs nothing.
 * @param {{ suite: string, names: string[], work: string, signal: AbortSignal }} wanted `work` is an empty folder for the
 * downloads; the caller deletes it
 * @returns {Promise<string>} the folder
 */
export async function unpackFromDebian({ suite, names, work, signal }) {
  for (const folder of ['lists/partial', 'archives/partial', 'root'])
    mkdirSync(join(work, folder), { recursive: true });
  const architecture = (await run('dpkg', ['--print-architecture'], { signal })).stdout.trim();
  writeAptConfig({ suite, work, architecture });
  const env = { ...process.env, APT_CONFIG: join(work, 'apt.conf') };
  await run('apt-get', ['-qq', 'update'], { env, signal });
  // One call finds the dependencies and downloads them: each call reads the whole index again. apt verifies the signed
  // hashes of its downloads.
  await run('apt-get', ['-qq', '-y', '--download-only', 'install', ...names], { env, signal });
  const archives = join(work, 'archives');
  const packages = readdirSync(archives).filter((file) => file.endsWith('.deb'));
  if (packages.length === 0) throw new Error('apt downloaded no package');
  const lane = async () => {
    for (let file = packages.pop(); file !== undefined; file = packages.pop()) {
      await run('dpkg-deb', ['-x', join(archives, file), join(work, 'root')], { signal });
    }
  };
  await Promise.all([lane(), lane()]);
  return join(work, 'root');
}

/**
 * @param {string} path
 */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/**
 * Writes a separate apt configuration with this host's mirror and keyring. It lists perl as installed: no server calls
 * it.
 * @param {{ suite: string, work: string, architecture: string }} wanted
 */
function writeAptConfig({ suite, work, architecture }) {
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
    `Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: main\nSigned-By: ${keyring}\n`,
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
