import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchMysql, unpackedMysql } from './bootstrap/debian-mysql.js';
import { isDebian } from './bootstrap/debian-package.js';
import { findDocker, onPath, run } from './bootstrap/host.js';
import { startDockerMysql } from './docker-mysql.ts';
import { versionOf, type LocalMysql } from './mysql-login.ts';
import { keptPort, startOnFreePorts } from './ports.ts';
import { fileProblem } from './file-problem.ts';
import { comesUp, endLeftover, LocalError, own, reasonOf, type StartContext } from './service.ts';

export interface MysqlSearch extends StartContext {
  /** More server options, for benchmarks. A server in Docker ignores them. */
  readonly settings?: readonly string[];
}

/** A server program on this host, and how to use it. */
interface Server {
  readonly command: string;
  readonly args: readonly string[];
  readonly why: string;
  /** Creates an empty data folder. */
  initialize(data: string, signal: AbortSignal): Promise<unknown>;
  readonly options: readonly string[];
}

const commonOptions = ['--bind-address=127.0.0.1', '--local-infile=ON', '--innodb-buffer-pool-size=512M'];
// Debian's build expects a folder for files that only its package creates, hence secure-file-priv. `loose`: a server that
// does not know the option ignores it; versions before 8.0.30 do not know the redo log option.
const mysqlOptions = [
  '--disable-log-bin',
  '--secure-file-priv=NULL',
  '--loose-mysqlx=OFF',
  '--loose-innodb-redo-log-capacity=512M',
];
const mariadbOptions = ['--skip-log-bin', '--character-set-server=utf8mb4'];
const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];

/**
 * Starts a MySQL server with its data in `stateDir`: from PATH, in Docker, or from Debian's archive.
 * @throws LocalError that names what was tried and what to install
 */
export async function startMysql(search: MysqlSearch): Promise<LocalMysql> {
  const { stateDir, onAttempt } = search;
  const folder = join(stateDir, 'mysql');
  mkdirSync(folder, { recursive: true });
  const onThisPath = await findOnPath();
  if (onThisPath) return startServer(onThisPath, folder, search);
  onAttempt('MySQL: neither mysqld nor mariadbd is on PATH');
  const docker = await findDocker();
  if (docker !== undefined) return startDockerMysql(docker, folder, search);
  onAttempt('MySQL: Docker is not installed or does not answer');
  const unpacked = await debianMysql(search);
  if (unpacked) {
    const why = "unpacked from Debian's archive, because there is no mysqld on PATH and no Docker";
    const copyEmptyData = (data: string) => cp(unpacked.emptyData, data, { recursive: true });
    return startServer(
      { ...unpacked, why, options: mysqlOptions, initialize: copyEmptyData },
      folder,
      search,
    );
  }
  throw new LocalError(
    'No MySQL server found: none on PATH, no Docker daemon, no Debian archive. Install one and start again: ' +
      'on Debian `apt install mariadb-server`, on macOS `brew install mysql`, or Docker.',
  );
}

/** The server from Debian's archive, fetched when it is not in the cache; undefined when it cannot be fetched. */
async function debianMysql({ step, signal, onAttempt }: MysqlSearch) {
  if (!unpackedMysql() && isDebian()) {
    try {
      await step("Fetching MySQL from Debian's archive (49 MB)", () => fetchMysql(signal));
    } catch (error) {
      signal.throwIfAborted();
      if (fileProblem(error)) throw error;
      onAttempt(`MySQL: Debian's archive: ${reasonOf(error)}`);
    }
  }
  return unpackedMysql();
}

async function findOnPath(): Promise<Server | undefined> {
  for (const name of ['mysqld', 'mariadbd']) {
    const command = onPath(name);
    if (command === undefined) continue;
    // Debian's MariaDB is also named mysqld.
    const { stdout } = await run(command, ['--no-defaults', '--version']);
    return stdout.includes('MariaDB')
      ? mariadbServer(command, `MariaDB, ${name} on PATH`)
      : mysqlServer(command, 'mysqld on PATH');
  }
  return undefined;
}

function mysqlServer(command: string, why: string): Server {
  return {
    command,
    args: ['--no-defaults'],
    why,
    options: mysqlOptions,
    initialize: (data, signal) =>
      run(command, ['--no-defaults', ...asRoot, `--datadir=${data}`, '--initialize-insecure'], {
        signal,
        // mysqld finishes its data folder before it heeds a SIGTERM.
        killSignal: 'SIGKILL',
      }),
  };
}

function mariadbServer(command: string, why: string): Server {
  return {
    command,
    args: ['--no-defaults'],
    why,
    options: mariadbOptions,
    initialize: (data, signal) =>
      run(
        'mariadb-install-db',
        [
          '--no-defaults',
          ...asRoot,
          `--datadir=${data}`,
          '--auth-root-authentication-method=normal',
          '--skip-test-db',
        ],
        { signal },
      ),
  };
}

async function startServer(server: Server, folder: string, search: MysqlSearch): Promise<LocalMysql> {
  const { step, signal } = search;
  const data = join(folder, 'data');
  await endLeftover(folder, 'mysqld', (line) => line.includes(data));
  if (!existsSync(data)) {
    await step("Creating MySQL's data folder", () => initialize(server, data, { folder, signal }));
  }
  const started = await step('Starting MySQL', () =>
    startOnFreePorts('MySQL', search, () => launch(server, folder, search)),
  );
  if (started) return started;
  throw new LocalError(`MySQL (${server.why}) did not start; see ${join(folder, 'mysqld.log')}.`);
}

/** Starts the server on a free port; undefined when it ends by itself or does not answer. */
async function launch(
  server: Server,
  folder: string,
  { settings = [], signal }: MysqlSearch,
): Promise<LocalMysql | undefined> {
  const port = await keptPort(folder, 3306);
  const login = join(folder, loginFile);
  // A socket path has at most 107 bytes; the path of the state folder may be longer.
  const sockets = mkdtempSync(join(tmpdir(), 'surgicase-'));
  const running = own(folder, 'mysqld', server.command, [
    ...server.args,
    ...asRoot,
    `--datadir=${join(folder, 'data')}`,
    `--port=${port}`,
    `--socket=${join(sockets, 's')}`,
    ...commonOptions,
    ...server.options,
    ...settings,
    ...(existsSync(login) ? [`--init-file=${login}`] : []),
  ]);
  const password = readFileSync(join(folder, passwordFile), 'utf8');
  const url = `mysql://surgicase:${password}@127.0.0.1:${port}/`;
  let version: string | undefined;
  const answers = async () => (version = await versionOf(url)) !== undefined;
  const isUp = await comesUp(running, answers, { timeoutMs: 60_000, signal });
  const removeSockets = () => rmSync(sockets, { recursive: true, force: true });
  if (!isUp) {
    removeSockets();
    return undefined;
  }
  rmSync(login, { force: true });
  const stop = () => running.stop().finally(removeSockets);
  return { url, line: `127.0.0.1:${port} (${version}, ${server.why})`, ended: running.ended, stop };
}

const passwordFile = 'password';
// Exists until a server has applied it: the server accepts no connection before it has.
const loginFile = 'init.sql';

/**
 * Creates the data folder under a temporary name and renames it when it is complete. The first server creates the login;
 * only this user can read its password.
 */
async function initialize(
  server: Server,
  data: string,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<void> {
  const unfinished = `${data}-unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await server.initialize(unfinished, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new LocalError(`MySQL (${server.why}) could not create ${data}: ${reasonOf(error)}`);
  });
  const password = randomBytes(18).toString('hex');
  writeFileSync(join(folder, passwordFile), password, { mode: 0o600 });
  // A server that dies in the middle of these statements leaves them to the next one, which repeats them all.
  const statements = [
    `ALTER USER root@localhost IDENTIFIED BY '${password}';`,
    ...["surgicase@'127.0.0.1'", 'surgicase@localhost'].flatMap((login) => [
      `CREATE USER IF NOT EXISTS ${login} IDENTIFIED BY '${password}';`,
      `GRANT ALL ON *.* TO ${login} WITH GRANT OPTION;`,
    ]),
  ];
  writeFileSync(join(folder, loginFile), `${statements.join('\n')}\n`, { mode: 0o600 });
  renameSync(unfinished, data);
}
