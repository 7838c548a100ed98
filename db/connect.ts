import { createConnection, createPool, type Connection, type PoolConnection } from 'mysql2/promise';
import type { Login } from './credentials.ts';
import { DbError, dbError } from './errors.ts';
import { openSession, type Session, type StatementTime } from './session.ts';
import type { Schemas } from './tables.ts';

/** Where MySQL is; `caPem` turns TLS on. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly caPem?: string;
  readonly schemas: Schemas;
  readonly login: Login;
  readonly onStatement?: (statement: StatementTime) => void;
}

/** The database as the rest of the project sees it. */
export interface Database {
  readonly schemas: Schemas;
  /** Runs `work` on one connection; see `openSession` for what `signal` does. */
  session<Result>(work: (session: Session) => Promise<Result>, signal?: AbortSignal): Promise<Result>;
  /** The same on a connection of its own without a default schema: migrations make that schema. */
  bareSession<Result>(work: (session: Session) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

// What the loads rely on: strict errors, UTC, and readers that see before or after without locking each other.
const sessionSettings = `SET SESSION
  sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
  time_zone = '+00:00', net_read_timeout = 600, lock_wait_timeout = 60`;
const isolation = 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED';

/** Opens the pool; connects only when the first session asks. */
export function openDatabase(address: DatabaseAddress): Database {
  const { host, port, caPem, schemas, login, onStatement } = address;
  const base = {
    host,
    port,
    charset: 'utf8mb4',
    supportBigNumbers: true,
    enableKeepAlive: true,
    connectTimeout: 10_000,
    ...(caPem !== undefined && { ssl: { ca: caPem } }),
  };
  let pool: Promise<ReturnType<typeof createPool>> | undefined;
  const openPool = async () =>
    createPool({ ...base, ...(await login.get()), database: schemas.scheduler, connectionLimit: 8 });

  /** After a rotation the server refuses the cached password: it is asked for again, once. */
  async function acquire(): Promise<PoolConnection> {
    pool ??= openPool();
    try {
      return await (await pool).getConnection();
    } catch (error) {
      if ((error as { errno?: number }).errno !== 1045 || !login.refresh) throw dbError(error, 'connect');
    }
    const stale = pool;
    login.refresh();
    pool = openPool();
    try {
      return await (await pool).getConnection();
    } catch (error) {
      throw dbError(error, 'connect');
    } finally {
      void (await stale).end();
    }
  }

  async function kill(connection: Connection): Promise<void> {
    const killer = await createConnection({ ...base, ...(await login.get()) });
    try {
      await killer.query(`KILL QUERY ${connection.threadId}`);
    } finally {
      killer.destroy();
    }
  }

  const options = { kill, ...(onStatement && { onStatement }) };
  return {
    schemas,
    async session(work, signal) {
      const connection = await acquire();
      try {
        await connection.query(sessionSettings);
        await connection.query(isolation);
        return await work(openSession(connection, { ...options, ...(signal && { signal }) }));
      } catch (error) {
        // A connection in doubt is not given to the next session.
        if (error instanceof DbError && error.code === 'DatabaseUnreachable') connection.destroy();
        throw error;
      } finally {
        connection.release();
      }
    },
    async bareSession(work) {
      const connection = await createConnection({ ...base, ...(await login.get()) }).catch(
        (error: unknown) => {
          throw dbError(error, 'connect');
        },
      );
      try {
        await connection.query(sessionSettings);
        return await work(openSession(connection, options));
      } finally {
        connection.destroy();
      }
    },
    async close() {
      await (await pool)?.end();
    },
  };
}
