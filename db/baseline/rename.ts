import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';

// A statement that waits behind an open reader makes every new reader wait behind itself: so it gives up soon and often.
const waitSeconds = 1;
const pauseSeconds = 0.5;
const mostAttempts = 60;

/**
 * Runs a statement that needs tables for itself alone: it waits a second for those who have them open, and comes again
 * after a pause.
 * @throws DbError DatabaseBusy when somebody keeps one of the tables for longer than a minute and a half
 */
export async function givingWay(session: Session, sql: string, label: string): Promise<void> {
  await session.query(`SET SESSION lock_wait_timeout = ${waitSeconds}`);
  try {
    for (let attempt = 1; ; attempt++) {
      const isDone = await session.run(sql, [], label).then(
        () => true,
        (error: unknown) => {
          const isBusy = error instanceof DbError && error.code === 'DatabaseBusy';
          if (!isBusy || attempt === mostAttempts) throw error;
          return false;
        },
      );
      if (isDone) return;
      await session.query('SELECT SLEEP(?)', [pauseSeconds]);
    }
  } finally {
    await session.query('SET SESSION lock_wait_timeout = DEFAULT');
  }
}

type Pairs = ReadonlyArray<readonly [from: string, to: string]>;

/**
 * Renames tables, all or none, in one statement; pairs of the old name and the new. It commits by itself.
 * @throws DbError DatabaseBusy when a reader keeps one of the tables for longer than a minute and a half
 */
export async function renameTables(session: Session, pairs: Pairs): Promise<void> {
  if (pairs.length > 0) await givingWay(session, renameSql(pairs), 'RENAME TABLE');
}

/** The statement of `renameTables`. */
export function renameSql(pairs: Pairs): string {
  return `RENAME TABLE ${pairs.map(([from, to]) => `${from} TO ${to}`).join(', ')}`;
}
