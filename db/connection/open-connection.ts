import { createConnection, type Connection } from 'mysql2/promise';
import type { Credentials, Login } from './credentials.ts';
import { dbError } from './errors.ts';

export interface DatabaseOptions {
  readonly host: string;
  readonly port: number;
  /** Default schema of every session, from the moment when it exists. */
  readonly schema: string;
  readonly credentials: Credentials;
  /** CA certificates (PEM): turns TLS on, with the server's certificate and host name checked. */
  readonly caPem?: string;
}

// Said aloud, because a server's own defaults decide otherwise, and a loose mode cuts values without a word.
const settings = [
  'SET NAMES utf8mb4',
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  // A worker whose host is gone without a word leaves its transaction open, and with it the row of the lease locked:
  // the server ends a connection that says nothing for a minute, in the middle of a load too, and rolls back.
  `SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
     time_zone = '+00:00', wait_timeout = 60, net_read_timeout = 60`,
  // MySQL cuts a GROUP_CONCAT after 1,024 bytes otherwise, with a warning that nobody reads.
  'SET SESSION group_concat_max_len = 67108864',
];

/**
 * Opens one physical connection with our session settings.
 *
 * A refused login is forgotten and asked for once more: RDS rotates the secret while the worker runs.
 * @throws DbError DatabaseUnreachable or DatabaseRefused
 */
export async function openConnection(options: DatabaseOptions): Promise<Connection> {
  const label = `connecting to ${options.host}:${options.port}`;
  const first = await attempt(options, await options.credentials.login());
  if (!(first instanceof Error)) return first;
  const isLoginRefused = 'errno' in first && first.errno === 1045;
  if (!isLoginRefused || !options.credentials.forget()) throw dbError(first, label);
  const second = await attempt(options, await options.credentials.login());
  if (second instanceof Error) throw dbError(second, label);
  return second;
}

async function attempt(options: DatabaseOptions, login: Login): Promise<Connection | Error> {
  const { host, port, caPem } = options;
  try {
    const connection = await createConnection({
      host,
      port,
      ...login,
      ...(caPem !== undefined && { ssl: { ca: caPem, verifyIdentity: true } }),
      enableKeepAlive: true,
      keepAliveInitialDelay: 10_000,
      connectTimeout: 10_000,
      // Dates as text: MySQL's DATE has no time zone, and a JavaScript Date would give it one.
      dateStrings: true,
      supportBigNumbers: true,
      timezone: 'Z',
    });
    // An idle connection that the server ends reports it here, and would end the process if nobody listened;
    // the next statement on it fails and says so.
    connection.on('error', () => undefined);
    await Promise.all(settings.map((sql) => connection.query(sql)));
    return connection;
  } catch (error) {
    return error as Error;
  }
}
