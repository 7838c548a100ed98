import type { Readable } from 'node:stream';
import { DrizzleQueryError } from 'drizzle-orm';
import { drizzle, type MySqlRemoteDatabase } from 'drizzle-orm/mysql-proxy';
import type { QueryOptions, ResultSetHeader } from 'mysql2/promise';
import { DbError, dbError } from './errors.ts';
import { localInfile } from './local-infile.ts';
import { socketOf, type OpenConnection } from './open-connection.ts';
import type { Blocked, Watch } from './watch.ts';

/** A finished statement, for the debug log. `sql` is its label or first line, without values. */
export interface StatementReport {
  readonly sql: string;
  readonly ms: number;
  /** Rows read, or rows that a write affected. */
  readonly rows: number;
}

/** For an UPDATE, `affectedRows` counts the matching rows, changed or not. */
type Written = Pick<ResultSetHeader, 'affectedRows'>;
type Parameters = readonly unknown[];

/**
 * Statements on one connection, one after another. `?` stands for a value and `??` for an identifier. `label` names the
 * statement in logs and errors. After the signal has fired, every call throws its reason.
 * Every call can throw DbError or StatementError; neither quotes a value of a row.
 */
export interface Session {
  /** No statement may be longer: `max_allowed_packet`. */
  readonly maxPacketBytes: number;
  query<Row = Record<string, unknown>>(sql: string, parameters?: Parameters, label?: string): Promise<Row[]>;
  run(sql: string, parameters?: Parameters, label?: string): Promise<Written>;
  /** Runs one Drizzle statement on the tables of schema.ts. For a transaction use `transaction`, never Drizzle's. */
  orm<T>(statement: (db: MySqlRemoteDatabase) => Promise<T>): Promise<T>;
  /**
   * Runs LOAD DATA LOCAL from `source` (chunks below 16 MiB). Throws an error of the source unchanged; the rows before it
   * stay in the table until the rollback. Outside a transaction the load runs in its own.
   */
  load(sql: string, source: Readable | Buffer, label?: string): Promise<Written>;
  /** Commits what `work` did in this session, or rolls it back and throws the error of `work`. Must not be nested. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
}

/** What a session needs from its database. */
export interface SessionContext {
  readonly opened: OpenConnection;
  readonly signal: AbortSignal;
  /** Runs KILL QUERY on another connection. */
  kill(connectionId: number): Promise<void>;
  watch(connectionId: number): Watch;
  /** The server has refused a write because it is read-only. */
  onReadOnly(): void;
  onStatement(report: StatementReport): void;
}

type Kill = () => Promise<void>;

/** A session, and whether another session can reuse its connection. */
export interface OpenSession {
  readonly session: Session;
  readonly isReusable: () => boolean;
}

export function openSession(context: SessionContext): OpenSession {
  const { opened, signal } = context;
  const { connection, id, maxPacketBytes } = opened;
  let isSound = true;
  let isInTransaction = false;
  let runningCount = 0;

  /** Sends one statement without interruption. */
  async function send<T>(options: QueryOptions, label = firstLine(options.sql)): Promise<T> {
    const startedMs = performance.now();
    let rows = 0;
    runningCount += 1;
    const watch = context.watch(id);
    try {
      const [result] = await Promise.race([connection.query(options), watch.lost]);
      rows = Array.isArray(result) ? result.length : result.affectedRows;
      return result as T;
    } catch (error) {
      throw judged(dbError(error, label), watch.blocked());
    } finally {
      watch.stop();
      runningCount -= 1;
      context.onStatement({ sql: label, ms: performance.now() - startedMs, rows });
    }
  }

  function judged(error: Error, { holder, isTableLock }: Blocked): Error {
    if (!(error instanceof DbError)) return error;
    if (error.code === 'DatabaseReadOnly') context.onReadOnly();
    if (error.code === 'DatabaseUnreachable') {
      isSound = false;
      // If only the watch noticed, the statement is still waiting for its answer.
      if (error.errno === undefined) connection.destroy();
    }
    if (error.code !== 'DatabaseBusy') return error;
    const who = holder === undefined ? '' : ` The lock belongs to ${holder}.`;
    return new DbError('DatabaseBusy', `${error.message}.${who}`, { errno: error.errno, isTableLock });
  }

  /** Runs `work` so that the signal kills its statement. Waits until the kill has finished. */
  async function interruptible<T>(work: (kill: Kill) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    let killing: Promise<void> | undefined;
    const { promise: abandoned, reject: abandon } = withReject();
    const kill = () =>
      (killing ??= context.kill(id).catch((error: unknown) => {
        // It is unknown what the server still executes. The connection is closed, and the server rolls back.
        isSound = false;
        connection.destroy();
        abandon(error);
      }));
    const onAbort = () => void kill();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await Promise.race([work(kill), abandoned]);
      // A killed SELECT can end without an error: SLEEP() returns 1.
      signal.throwIfAborted();
      return result;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      // A late kill would hit the next statement of this connection.
      await killing;
    }
  }

  async function load(sql: string, source: Readable | Buffer, label?: string): Promise<Written> {
    if (!isInTransaction) return transaction(() => load(sql, source, label));
    return interruptible(async (kill) => {
      const file = localInfile(source, { socket: socketOf(connection), maxPacketBytes });
      const stop = async () => {
        await kill();
        // The kill does not interrupt a server that is waiting for more of the file.
        file.stop(signal.reason as Error);
      };
      const onAbort = () => void stop();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await send<Written>({ sql, infileStreamFactory: file.open }, label);
      } catch (error) {
        throw file.failure() ?? error;
      } finally {
        signal.removeEventListener('abort', onAbort);
        file.release();
      }
    });
  }

  async function rollBack(): Promise<void> {
    if (!isSound) return;
    await send({ sql: 'ROLLBACK' }).catch(() => {
      // The connection is closed, and the server rolls back. The earlier error is the one to report.
      isSound = false;
    });
  }

  async function transaction<T>(work: () => Promise<T>): Promise<T> {
    if (isInTransaction) throw new Error('This session already has an open transaction.');
    await interruptible(() => send({ sql: 'START TRANSACTION' }));
    isInTransaction = true;
    try {
      const result = await work();
      signal.throwIfAborted();
      // Not interruptible: once a commit is sent, the caller must learn its result.
      await send({ sql: 'COMMIT' });
      return result;
    } catch (error) {
      await rollBack();
      throw error;
    } finally {
      isInTransaction = false;
    }
  }

  const statement = <T>(sql: string, values: Parameters = [], label?: string) =>
    interruptible(() => send<T>({ sql, values: [...values] }, label));
  const db = drizzle(async (sql, values: unknown[], method) => {
    const result = await interruptible(() => send<unknown>({ sql, values, rowsAsArray: method === 'all' }));
    return { rows: method === 'all' ? (result as unknown[]) : [result] };
  });
  const orm: Session['orm'] = (typed) =>
    typed(db).catch((error: unknown) => {
      // Drizzle's error quotes the values. Its cause is our own error or the signal's reason.
      throw error instanceof DrizzleQueryError ? error.cause : error;
    });
  const session: Session = { maxPacketBytes, query: statement, run: statement, orm, load, transaction };
  return { session, isReusable: () => isSound && runningCount === 0 && !signal.aborted };
}

function firstLine(sql: string): string {
  return sql.trim().split('\n', 1)[0]?.slice(0, 120) ?? '';
}

function withReject(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<never>((_resolve, no) => {
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, reject };
}
