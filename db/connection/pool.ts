import type { Connection } from 'mysql2/promise';
import { openConnection, type DatabaseOptions } from './open-connection.ts';
import { dbError } from './errors.ts';
import { openSession, type Session, type StatementReport } from './session.ts';

export interface DatabaseHooks {
  onStatement?(report: StatementReport): void;
}

/** MySQL, as the rest of db/ uses it. Sessions can run concurrently, each on its own connection. */
export interface Database {
  /**
   * Runs `use` on one connection. When `signal` fires, it kills the running statement, starts no other, rolls back an open
   * transaction, and ends with the signal's reason.
   * `use` must undo its changes to the state of the connection (variables, temporary tables, locks).
   * @throws DbError; whatever `use` throws
   */
  session<T>(signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T>;
  /** Closes the idle connections. Running sessions close theirs when they end. */
  close(): Promise<void>;
}

interface Idle {
  readonly connection: Connection;
  readonly sinceMs: number;
}

// The server closes idle connections after wait_timeout (open-connection.ts). A new one takes only a few milliseconds.
const idleMaxMs = 30_000;
const unknownSchema = 1049;

/** Connects on demand. */
export function connect(options: DatabaseOptions, hooks: DatabaseHooks = {}): Database {
  // Not mysql2's pool: it keeps the login that it was created with, and the secret rotates.
  const idle: Idle[] = [];
  let isClosed = false;

  async function take(): Promise<Connection> {
    const now = performance.now();
    for (let free = idle.pop(); free !== undefined; free = idle.pop()) {
      const isFresh = now - free.sinceMs < idleMaxMs;
      // If the server has closed it meanwhile, the loop tries the next one, and then opens a new one.
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

/** Runs for each session, not once per connection: the migration that creates the schema uses older connections. */
async function selectSchema(connection: Connection, schema: string): Promise<void> {
  try {
    await connection.query('USE ??', [schema]);
  } catch (error) {
    if ((error as { errno?: number }).errno !== unknownSchema) throw dbError(error, `USE ${schema}`);
  }
}
