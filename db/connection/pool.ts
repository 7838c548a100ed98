import type { Connection } from 'mysql2/promise';
import { openConnection, type DatabaseOptions } from './open-connection.ts';
import { dbError } from './errors.ts';
import { openSession, type Session, type StatementReport } from './session.ts';

export interface DatabaseHooks {
  onStatement?(report: StatementReport): void;
}

/** MySQL, as the rest of this folder sees it. Sessions may run side by side, each on a connection of its own. */
export interface Database {
  /**
   * Runs `use` on one connection. When `signal` fires the running statement is killed, no later one begins, an open
   * transaction is rolled back, and then the session ends with the signal's reason.
   * What `use` changes of the connection's own state (variables, temporary tables, locks) it must undo.
   * @throws DbError; whatever `use` throws
   */
  session<T>(signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T>;
  /** Ends the idle connections; sessions under way end theirs when they are done. */
  close(): Promise<void>;
}

interface Idle {
  readonly connection: Connection;
  readonly sinceMs: number;
}

// The server drops it after wait_timeout (connection.ts), and a new connection costs a few milliseconds only.
const idleMaxMs = 30_000;
const unknownSchema = 1049;

/** Connects on demand. */
export function connect(options: DatabaseOptions, hooks: DatabaseHooks = {}): Database {
  // Not mysql2's pool: that one fixes the login when it is made, and the secret rotates meanwhile.
  const idle: Idle[] = [];
  let isClosed = false;

  async function take(): Promise<Connection> {
    const now = performance.now();
    for (let free = idle.pop(); free !== undefined; free = idle.pop()) {
      const isFresh = now - free.sinceMs < idleMaxMs;
      // The server may have ended it meanwhile; then there is another one, or a new one.
      if (isFresh && (await isSelected(free.connection))) return free.connection;
      free.connection.destroy();
    }
    const connection = await openConnection(options);
    try {
      await selectSchema(connection, options.schema);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  const isSelected = (connection: Connection) =>
    selectSchema(connection, options.schema).then(
      () => true,
      () => false,
    );

  async function kill(connectionId: number): Promise<void> {
    const other = await openConnection(options);
    try {
      await other.query('KILL QUERY ?', [connectionId]);
    } finally {
      other.destroy();
    }
  }

  async function session<T>(signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (isClosed) throw new Error('The database is closed.');
    const connection = await take();
    const onStatement = (report: StatementReport) => hooks.onStatement?.(report);
    const { session: opened, isReusable } = openSession({ connection, signal, kill, onStatement });
    try {
      return await use(opened);
    } finally {
      if (isReusable() && !isClosed) idle.push({ connection, sinceMs: performance.now() });
      else connection.destroy();
    }
  }

  async function close(): Promise<void> {
    isClosed = true;
    await Promise.all(
      idle.splice(0).map(({ connection }) => connection.end().catch(() => connection.destroy())),
    );
  }

  return { session, close };
}

/** Each time, not once a connection: the migration that creates the schema runs on connections that came before it. */
async function selectSchema(connection: Connection, schema: string): Promise<void> {
  try {
    await connection.query('USE ??', [schema]);
  } catch (error) {
    if ((error as { errno?: number }).errno !== unknownSchema) throw dbError(error, `USE ${schema}`);
  }
}
