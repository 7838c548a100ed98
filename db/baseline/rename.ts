import { DbError } from '../connection/errors.ts';
import { lockWaitSeconds } from '../connection/session-settings.ts';
import type { Session } from '../connection/session.ts';

// While the statement waits for an open reader, every new reader waits behind it. So it gives up soon, and each pause is
// twice as long as the one before. After this burst, the next attempt of the activity waits longer still.
const waitSeconds = 1;
const firstPauseSeconds = 0.5;
const mostAttempts = 7;

/**
 * Runs a statement that needs exclusive access to tables. It waits one second for current readers and writers, and tries
 * again after a pause.
 * @throws DbError DatabaseBusy when someone keeps one of the tables open for more than half a minute
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
      await session.query('SELECT SLEEP(?)', [firstPauseSeconds * 2 ** (attempt - 1)]);
    }
  } finally {
    await session.query(`SET SESSION lock_wait_timeout = ${lockWaitSeconds.ofTable}`);
  }
}

type Pairs = ReadonlyArray<readonly [from: string, to: string]>;

/**
 * Renames all of the tables or none, in one statement that commits by itself. Each pair is an old and a new name.
 * @throws DbError DatabaseBusy when someone keeps one of the tables open for more than half a minute
 */
export async function renameTables(session: Session, pairs: Pairs): Promise<void> {
  if (pairs.length > 0) await givingWay(session, renameSql(pairs), 'RENAME TABLE');
}

/** The statement of `renameTables`. */
export function renameSql(pairs: Pairs): string {
  return `RENAME TABLE ${pairs.map(([from, to]) => `${from} TO ${to}`).join(', ')}`;
}
