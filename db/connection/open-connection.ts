import { createConnection, type Connection } from 'mysql2/promise';
import type { Credentials, Login } from './credentials.ts';
import { dbError } from './errors.ts';

export interface DatabaseOptions {
  readonly host: string;
  readonly port: number;
  /** Default schema of every session, once it exists. */
  readonly schema: string;
  readonly credentials: Credentials;
  /** CA certificates (PEM). Turns on TLS and verifies the server's certificate and host name. */
  readonly caPem?: string;
}

// Set explicitly, because server defaults differ, and a loose sql_mode truncates values silently.
const settings = [
  'SET NAMES utf8mb4',
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  // If a worker's host disappears, its open transaction keeps the row of the lease locked. With these timeouts the server
  // closes a connection that is silent for a minute, even during a load, and rolls back.
  `SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
     time_zone = '+00:00', wait_timeout = 60, net_read_timeout = 60`,
  // By default MySQL cuts a GROUP_CONCAT after 1,024 bytes, with only a warning.
  'SET SESSION group_concat_max_len = 67108864',
];

/**
 * Opens one physical connection with our session settings.
 *
 * If the server refuses the login, it fetches the login once more, because RDS rotates the secret while the worker runs.
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
      // Dates as text: MySQL's DATE has no time zone, and a JavaScript Date would add one.
      dateStrings: true,
      supportBigNumbers: true,
      timezone: 'Z',
    });
    // When the server closes an idle connection, it emits an error, which without a listener would end the process.
    // The next statement on the connection fails and reports it.
    connection.on('error', () => undefined);
    await Promise.all(settings.map((sql) => connection.query(sql)));
    return connection;
  } catch (error) {
    return error as Error;
  }
}
