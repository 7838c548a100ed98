import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackMysql } from './debian-mysql.ts';
import { findDocker, startDockerMysql } from './docker-mysql.ts';
import { answers, type LocalMysql } from './mysql-login.ts';
import { keptPort, startOnFreePorts } from './ports.ts';
import { endLeftover, LocalError, onPath, own, until } from './service.ts';

const run = promisify(execFile);

export interface MysqlSearch {
  readonly stateDir: string;
  /** Receives each attempt, for `--verbose`. */
  onAttempt(line: string): void;
  /** More server options, for benchmarks. A server in Docker ignores them. */
  readonly settings?: readonly string[];
}

/** A server program on this host, and how to use it. */
interface Server {
  readonly command: string;
  readonly args: readonly string[];
  readonly why: string;
  /** Creates an empty data folder. */
  initialize(data: string): Promise<unknown>;
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
  if (docker !== undefined) return startDockerMysql(docker, folder, onAttempt);
  onAttempt('MySQL: Docker is not installed or does not answer');
  const unpacked = await unpackMysql().catch((error: unknown) => {
    onAttempt(`MySQL: Debian's archive: ${(error as Error).message.split('\n', 1)[0]}`);
    return undefined;
  });
  if (unpacked) {
    const why = "unpacked from Debian's archive, because there is no mysqld on PATH and no Docker";
    return startServer(mysqlServer(unpacked.command, unpacked.args, why), folder, search);
  }
  throw new LocalError(
    'No MySQL server found: none on PATH, no Docker daemon, no Debian archive. Install one and start again: ' +
      'on Debian `apt install mariadb-server`, on macOS `brew install mysql`, or Docker.',
  );
}

async function findOnPath(): Promise<Server | undefined> {
  for (const name of ['mysqld', 'mariadbd']) {
    const command = onPath(name);
    if (command === undefined) continue;
    // Debian's MariaDB is also named mysqld.
    const { stdout } = await run(command, ['--no-defaults', '--version']);
    return stdout.includes('MariaDB')
      ? mariadbServer(command, `MariaDB, ${name} on PATH`)
      : mysqlServer(command, ['--no-defaults'], 'mysqld on PATH');
  }
  return undefined;
}

function mysqlServer(command: string, args: readonly string[], why: string): Server {
  return {
    command,
    args,
    why,
    options: mysqlOptions,
    initialize: (data) => run(command, [...args, ...asRoot, `--datadir=${data}`, '--initialize-insecure']),
  };
}

function mariadbServer(command: string, why: string): Server {
  return {
    command,
    args: ['--no-defaults'],
    why,
    options: mariadbOptions,
    initialize: (data) =>
      run('mariadb-install-db', [
        '--no-defaults',
        ...asRoot,
        `--datadir=${data}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
      ]),
  };
}

async function startServer(
  server: Server,
  folder: string,
  { onAttempt, settings = [] }: MysqlSearch,
): Promise<LocalMysql> {
  const data = join(folder, 'data');
  await endLeftover(folder, 'mysqld', (line) => line.includes(data));
  if (!existsSync(data)) await initialize(server, data, folder);
  const started = await startOnFreePorts('MySQL', onAttempt, () => launch(server, folder, settings));
  if (!started) {
    throw new LocalError(`MySQL (${server.why}) did not start; see ${join(folder, 'mysqld.log')}.`);
  }
  return started;
}

/** Starts the server on a free port; undefined when it ends by itself or does not answer. */
async function launch(
  server: Server,
  folder: string,
  settings: readonly string[],
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
  const stop = async () => {
    await running.stop();
    rmSync(sockets, { recursive: true, force: true });
  };
  const password = readFileSync(join(folder, passwordFile), 'utf8');
  const url = `mysql://surgicase:${password}@127.0.0.1:${port}/`;
  const isUp = await Promise.race([until(() => answers(url), 60_000), running.ended.then(() => false)]);
  if (!isUp) {
    await stop();
    return undefined;
  }
  rmSync(login, { force: true });
  return { url, line: `127.0.0.1:${port} (${server.why})`, ended: running.ended, stop };
}

const passwordFile = 'password';
// Exists until a server has applied it: the server accepts no connection before it has.
const loginFile = 'init.sql';

/**
 * Creates the data folder under a temporary name and renames it when it is complete. The first server creates the login;
 * only this user can read its password.
 */
async function initialize(server: Server, data: string, folder: string): Promise<void> {
  const unfinished = `${data}-unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await server.initialize(unfinished);
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
