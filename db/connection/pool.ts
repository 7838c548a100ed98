import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { openConnection, socketOf, type DatabaseOptions, type OpenConnection } from './open-connection.ts';
import { dbError } from './errors.ts';
import { idleMaxMs } from './session-settings.ts';
import { openSession, type Session, type StatementReport } from './session.ts';
import { createWatcher } from './watch.ts';

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
  /** How many connections a session uses, and how many wait for the next one. */
  connections(): { readonly busy: number; readonly idle: number };
  /** Closes the idle connections. Running sessions close theirs when they end. */
  close(): Promise<void>;
}

interface Idle {
  readonly opened: OpenConnection;
  readonly sinceMs: number;
}

const deadlineMs = 5000;
const unknownSchema = 1049;

/** Connects on demand. */
export function connect(options: DatabaseOptions, hooks: DatabaseHooks = {}): Database {
  // Not mysql2's pool: it keeps the login that it was created with, and the secret rotates.
  let idle: Idle[] = [];
  let busy = 0;
  let isClosed = false;
  /** Connections of an earlier generation are not used again. */
  let generation = 0;
  const watcher = createWatcher(() => openConnection(options));

  async function take(signal: AbortSignal): Promise<OpenConnection> {
    const now = performance.now();
    for (let free = idle.pop(); free !== undefined; free = idle.pop()) {
      socketOf(free.opened.connection).ref();
      const isFresh = now - free.sinceMs < idleMaxMs;
      if (isFresh && (await isSelected(free.opened.connection))) return free.opened;
      free.opened.connection.destroy();
      // What killed one connection, such as a failover, has probably killed all.
      if (isFresh) dropIdle();
    }
    const opened = await openConnection(options, signal);
    try {
      await selectSchema(opened.connection, options.schema);
      return opened;
    } catch (error) {
      opened.connection.destroy();
      throw error;
    }
  }

  function dropIdle(): void {
    for (const { opened } of idle) opened.connection.destroy();
    idle = [];
    generation += 1;
  }

  const isSelected = (connection: Connection) =>
    selectSchema(connection, options.schema).then(
      () => true,
      () => false,
    );

  async function kill(connectionId: number): Promise<void> {
    const { connection } = await openConnection(options);
    try {
      await connection.query({ sql: 'KILL QUERY ?', values: [connectionId], timeout: deadlineMs });
    } finally {
      connection.destroy();
    }
  }

  async function session<T>(signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (isClosed) throw new Error('The database is closed.');
    const opened = await take(signal);
    const takenIn = generation;
    const { session: own, isReusable } = openSession({
      opened,
      signal,
      kill,
      watch: watcher.watch,
      onReadOnly: dropIdle,
      onStatement: (report) => hooks.onStatement?.(report),
    });
    busy += 1;
    try {
      return await use(own);
    } finally {
      busy -= 1;
      if (isReusable() && !isClosed && takenIn === generation) {
        // A host that has nothing else to do can end.
        socketOf(opened.connection).unref();
        idle.push({ opened, sinceMs: performance.now() });
      } else opened.connection.destroy();
    }
  }

  async function close(): Promise<void> {
    isClosed = true;
    watcher.close();
    const connections = idle.map(({ opened }) => opened.connection);
    idle = [];
    await Promise.all(connections.map(quit));
  }

  return { session, close, connections: () => ({ busy, idle: idle.length }) };
}

/** Says goodbye to the server, but does not wait for a server that no longer hears it. */
async function quit(connection: Connection): Promise<void> {
  const tooLate = delay(1000, undefined, { ref: false });
  await Promise.race([connection.end().catch(() => undefined), tooLate]);
  connection.destroy();
}

/** Runs for each session, not once per connection: the migration that creates the schema uses older connections. */
async function selectSchema(connection: Connection, schema: string): Promise<void> {
  try {
    await connection.query({ sql: 'USE ??', values: [schema], timeout: deadlineMs });
  } catch (error) {
    if ((error as { errno?: number }).errno !== unknownSchema) throw dbError(error, `USE ${schema}`);
  }
}
