import { Readable } from 'node:stream';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { dbError } from './errors.ts';

/** One statement as the log may show it: its beginning, never its values. */
export interface StatementTime {
  readonly sql: string;
  readonly ms: number;
}

/** One connection's worth of work, one statement after the other; ends when its signal fires. */
export interface Session {
  /** Rows of a SELECT; nothing for a statement that returns none. */
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Rows that a writing statement affected, as MySQL counts them. */
  write(sql: string, values?: readonly unknown[]): Promise<number>;
  /** Sends `content` as the file of a LOAD DATA LOCAL statement. */
  load(sql: string, content: Buffer): Promise<void>;
  /** Commits when `body` returns, rolls back when it throws; `isDryRun` rolls back either way. */
  transaction<Result>(body: () => Promise<Result>, options?: { readonly isDryRun: boolean }): Promise<Result>;
}

export interface SessionOptions {
  readonly signal?: AbortSignal;
  readonly onStatement?: (statement: StatementTime) => void;
  /** Ends the statement that runs on this connection, from another connection. */
  readonly kill: (connection: Connection) => Promise<void>;
}

/**
 * Statements on one connection. When the signal fires, the running statement is killed at the server, no later one
 * begins, and the open transaction is rolled back before the error leaves.
 */
export function openSession(connection: Connection, { signal, onStatement, kill }: SessionOptions): Session {
  async function run<Result>(sql: string, send: () => Promise<Result>): Promise<Result> {
    signal?.throwIfAborted();
    const startedAt = performance.now();
    let killing: Promise<void> | undefined;
    const onAbort = () => {
      killing = kill(connection);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await send();
      // A kill on its way would hit the next statement: the rollback.
      await killing;
      return result;
    } catch (error) {
      await killing;
      signal?.throwIfAborted();
      throw dbError(error, label(sql));
    } finally {
      signal?.removeEventListener('abort', onAbort);
      onStatement?.({ sql: label(sql), ms: performance.now() - startedAt });
    }
  }

  const session: Session = {
    query: <Row>(sql: string, values: readonly unknown[] = []) =>
      run(sql, async () => {
        const [rows] = await connection.query<RowDataPacket[]>(sql, [...values]);
        return (Array.isArray(rows) ? rows : []) as Row[];
      }),
    write: (sql, values = []) =>
      run(sql, async () => (await connection.query<ResultSetHeader>(sql, [...values]))[0].affectedRows),
    load: async (sql, content) => {
      // A stream that pauses for 30 s would be cut off by the server (net_read_timeout): the block is whole already.
      await run(sql, () => connection.query({ sql, infileStreamFactory: () => Readable.from([content]) }));
    },
    async transaction(body, { isDryRun } = { isDryRun: false }) {
      await session.query('START TRANSACTION');
      try {
        const result = await body();
        await session.query(isDryRun ? 'ROLLBACK' : 'COMMIT');
        return result;
      } catch (error) {
        await rollback(connection);
        throw error;
      }
    },
  };
  return session;
}

/** Without the session's signal: what was cancelled must be undone as well. A lost connection has rolled back already. */
async function rollback(connection: Connection): Promise<void> {
  try {
    await connection.query('ROLLBACK');
  } catch {
    connection.destroy();
  }
}

function label(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
