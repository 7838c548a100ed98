import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { unpackMysql } from './debian-mysql.ts';
import { LocalError, endLeftover, freePort, onPath, own, until, type LocalService } from './service.ts';

const run = promisify(execFile);

export interface LocalMysql extends LocalService {
  /** `mysql://user:password@127.0.0.1:port/`, without a schema. */
  readonly url: string;
}

export interface MysqlSearch {
  readonly stateDir: string;
  /** What was tried, for `--verbose`. */
  onAttempt(line: string): void;
}

interface Server {
  readonly command: string;
  readonly args: readonly string[];
  readonly why: string;
}

/**
 * Starts a MySQL server on this host, its data in `stateDir`.
 * @throws LocalError naming what was tried and what to install
 */
export async function startMysql(search: MysqlSearch): Promise<LocalMysql> {
  const server = await findServer(search.onAttempt);
  const folder = join(search.stateDir, 'mysql');
  const data = join(folder, 'data');
  mkdirSync(folder, { recursive: true });
  await endLeftover(folder, 'mysqld', (line) => line.includes(data));
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  const isNew = !existsSync(data);
  const passwordFile = join(folder, 'password');
  if (isNew) await initialize(server, asRoot, data, passwordFile);
  const port = await freePort(3306);
  // A socket's path may have 107 bytes at most, a state folder more.
  const sockets = mkdtempSync(join(tmpdir(), 'surgicase-'));
  const running = own(folder, 'mysqld', server.command, [
    ...server.args,
    ...asRoot,
    `--datadir=${data}`,
    `--port=${port}`,
    `--socket=${join(sockets, 's')}`,
    '--bind-address=127.0.0.1',
    '--mysqlx=OFF',
    '--disable-log-bin',
    '--local-infile=ON',
    // Debian's build names a folder that only its package makes.
    '--secure-file-priv=NULL',
    '--innodb-buffer-pool-size=512M',
    '--innodb-redo-log-capacity=512M',
    ...(isNew ? [`--init-file=${join(folder, 'init.sql')}`] : []),
  ]);
  const password = readFileSync(passwordFile, 'utf8');
  const stop = async () => {
    await running.stop();
    rmSync(sockets, { recursive: true, force: true });
  };
  const isUp = await Promise.race([
    until(() => answers(port, password), 60_000),
    running.ended.then(() => false),
  ]);
  if (!isUp) {
    await stop();
    throw new LocalError(`MySQL did not come up; see ${join(folder, 'mysqld.log')}.`);
  }
  rmSync(join(folder, 'init.sql'), { force: true });
  const url = `mysql://surgicase:${password}@127.0.0.1:${port}/`;
  return { url, line: `127.0.0.1:${port} (${server.why})`, ended: running.ended, stop };
}

async function findServer(onAttempt: (line: string) => void): Promise<Server> {
  const found = onPath('mysqld');
  if (found !== undefined) return { command: found, args: ['--no-defaults'], why: 'mysqld on PATH' };
  onAttempt('MySQL: no mysqld on PATH');
  const unpacked = await unpackMysql().catch((error: unknown) => {
    onAttempt(`MySQL: Debian's archive: ${(error as Error).message.split('\n', 1)[0]}`);
    return undefined;
  });
  if (unpacked) return { ...unpacked, why: "unpacked from Debian's archive, no mysqld on PATH" };
  throw new LocalError(
    'No MySQL server was found. Install one: Debian, `apt install mysql-server` or start again with a mirror; ' +
      'macOS, `brew install mysql`; Docker, run mysql:8.0 and set DATABASE_URL.',
  );
}

/** Into a temporary folder, renamed when whole. The login is made by the first start, its password kept for us alone. */
async function initialize(
  server: Server,
  asRoot: readonly string[],
  data: string,
  passwordFile: string,
): Promise<void> {
  const unfinished = `${data}-unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await run(server.command, [...server.args, ...asRoot, `--datadir=${unfinished}`, '--initialize-insecure']);
  const password = randomBytes(18).toString('hex');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const login = [
    `ALTER USER root@localhost IDENTIFIED BY '${password}';`,
    `CREATE USER surgicase@'127.0.0.1' IDENTIFIED BY '${password}';`,
    `CREATE USER surgicase@localhost IDENTIFIED BY '${password}';`,
    "GRANT ALL ON *.* TO surgicase@'127.0.0.1' WITH GRANT OPTION;",
    'GRANT ALL ON *.* TO surgicase@localhost WITH GRANT OPTION;',
  ];
  writeFileSync(join(dirname(data), 'init.sql'), `${login.join('\n')}\n`, { mode: 0o600 });
  renameSync(unfinished, data);
}

async function answers(port: number, password: string): Promise<boolean> {
  try {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'surgicase', password });
    await connection.end();
    return true;
  } catch {
    return false;
  }
}
