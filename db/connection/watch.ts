import type { Connection } from 'mysql2/promise';
import { DbError } from './errors.ts';
import { socketOf } from './open-connection.ts';
import { idleMaxMs } from './session-settings.ts';

/** What the server says about the thread of a statement. */
interface ThreadView extends Blocked {
  readonly isWorking: boolean;
}

/** For which lock a statement waits, as the server said last. */
export interface Blocked {
  readonly isTableLock: boolean;
  /** The connection that holds the lock, in words; absent also when this login may not see it. */
  readonly holder?: string;
}

/** Watches one statement until `stop`. */
export interface Watch {
  /** Rejects with DatabaseUnreachable when the answer of the statement will never come. */
  readonly lost: Promise<never>;
  blocked(): Blocked;
  stop(): void;
}

export interface Watcher {
  watch(threadId: number): Watch;
  close(): void;
}

// A statement that waits a second for a lock, as a RENAME does, is looked at once.
const firstLookMs = 750;
const lookEveryMs = 5000;
const deadlineMs = 5000;
// A thread that sleeps has sent its answer. This many looks, a second apart, leave time for the answer to arrive.
const sleepingLooks = 3;
const againMs = 1000;
const silentMs = 30_000;
const notBlocked: Blocked = { isTableLock: false };

/**
 * Asks the server, on a second connection, whether it still works on a statement. A connection can die without a word: then
 * its own socket stays silent forever, and TCP's keepalive only reaches the nearest proxy.
 */
export function createWatcher(open: () => Promise<{ readonly connection: Connection }>): Watcher {
  let own: Promise<Connection> | undefined;
  let usedAtMs = 0;

  function drop(): void {
    void own?.then((connection) => connection.destroy()).catch(() => undefined);
    own = undefined;
  }

  async function rows<Row>(sql: string, values: unknown[]): Promise<Row[]> {
    const nowMs = performance.now();
    if (nowMs - usedAtMs > idleMaxMs) drop();
    usedAtMs = nowMs;
    own ??= open().then(({ connection }) => {
      // The watched statement keeps the process alive.
      socketOf(connection).unref();
      return connection;
    });
    const [found] = await (await own).query({ sql, values, timeout: deadlineMs });
    return found as Row[];
  }

  async function look(threadId: number): Promise<ThreadView> {
    try {
      const [thread] = await rows<{ command: string; state: string | null }>(threadSql, [threadId]);
      if (thread === undefined || thread.command === 'Sleep') return { isWorking: false, ...notBlocked };
      const holder = await holderOf(threadId);
      // The state of a statement that waits for a row says only what it does.
      const isTableLock = thread.state?.startsWith('Waiting for ') ?? false;
      return { isWorking: true, isTableLock, ...(holder !== undefined && { holder }) };
    } catch (error) {
      drop();
      throw error;
    }
  }

  /** Undefined when nobody is in the way, or when this login may not see who is. */
  async function holderOf(threadId: number): Promise<string | undefined> {
    for (const sql of [mysqlHolder, mariadbHolder]) {
      try {
        const [found] = await rows<Holder>(sql, [threadId]);
        return found && holderText(found);
      } catch {
        // The other server's tables, or a missing privilege.
      }
    }
    return undefined;
  }

  function watch(threadId: number): Watch {
    let isStopped = false;
    let blocked = notBlocked;
    let asleep = 0;
    let answeredAtMs = performance.now();
    let timer: NodeJS.Timeout;
    let giveUp: (reason: DbError) => void = () => undefined;
    const lost = new Promise<never>((_resolve, reject) => {
      giveUp = reject;
    });
    lost.catch(() => undefined);

    const next = (afterMs: number) => {
      timer = setTimeout(() => void lookAgain(), afterMs);
    };
    async function lookAgain(): Promise<void> {
      const view = await look(threadId).catch(() => undefined);
      if (isStopped) return;
      const nowMs = performance.now();
      if (view) answeredAtMs = nowMs;
      if (view?.isWorking) {
        asleep = 0;
        blocked = view;
        return next(lookEveryMs);
      }
      if (view) asleep += 1;
      if (asleep >= sleepingLooks) return giveUp(connectionLost('its answer did not arrive'));
      if (nowMs - answeredAtMs > silentMs) return giveUp(connectionLost('the server does not answer'));
      next(againMs);
    }
    next(firstLookMs);

    function stop(): void {
      isStopped = true;
      clearTimeout(timer);
    }
    return { lost, blocked: () => blocked, stop };
  }

  return { watch, close: drop };
}

interface Holder {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly command: string;
  /** For how long it has been idle, or has run its statement. */
  readonly seconds: number;
}

function holderText({ id, user, host, command, seconds }: Holder): string {
  const what = command === 'Sleep' ? 'idle' : 'running a statement';
  return `connection ${id} of ${user}@${host}, ${what} for ${seconds} s`;
}

const connectionLost = (why: string) =>
  new DbError('DatabaseUnreachable', `The connection to MySQL was lost during a statement: ${why}.`);

// Without the privilege PROCESS, a login sees its own threads, which is enough.
const threadSql =
  'SELECT command AS command, state AS state FROM information_schema.processlist WHERE id = ?';

const mysqlHolder = `
  SELECT h.processlist_id AS id, h.processlist_user AS user, h.processlist_host AS host,
    h.processlist_command AS command, h.processlist_time AS seconds
  FROM performance_schema.threads w JOIN (
    SELECT requesting_thread_id AS waiting, blocking_thread_id AS holding FROM performance_schema.data_lock_waits
    UNION ALL
    SELECT p.owner_thread_id, g.owner_thread_id FROM performance_schema.metadata_locks p
    JOIN performance_schema.metadata_locks g ON g.object_type = p.object_type AND g.object_schema <=> p.object_schema
      AND g.object_name <=> p.object_name AND g.lock_status = 'GRANTED' AND g.owner_thread_id <> p.owner_thread_id
    WHERE p.lock_status = 'PENDING'
  ) l ON l.waiting = w.thread_id JOIN performance_schema.threads h ON h.thread_id = l.holding
  WHERE w.processlist_id = ? LIMIT 1`;

const mariadbHolder = `
  SELECT h.id AS id, h.user AS user, h.host AS host, h.command AS command, h.time AS seconds
  FROM information_schema.innodb_lock_waits l
  JOIN information_schema.innodb_trx w ON w.trx_id = l.requesting_trx_id
  JOIN information_schema.innodb_trx b ON b.trx_id = l.blocking_trx_id
  JOIN information_schema.processlist h ON h.id = b.trx_mysql_thread_id
  WHERE w.trx_mysql_thread_id = ? LIMIT 1`;
