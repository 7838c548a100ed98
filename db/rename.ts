import { DbError } from './errors.ts';
import type { Session } from './session.ts';

// A RENAME that waits behind an open reader makes every new reader wait behind itself: so it gives up soon and often.
const waitSeconds = 1;
const pauseSeconds = 0.5;
const mostAttempts = 60;

/**
 * Renames tables, all or none, in one statement; pairs of the old name and the new. It commits by itself.
 * @throws DbError DatabaseBusy when a reader keeps one of the tables for longer than a minute and a half
 */
export async function renameTables(
  session: Session,
  pairs: ReadonlyArray<readonly [from: string, to: string]>,
): Promise<void> {
  if (pairs.length === 0) return;
  const list = pairs.map(([from, to]) => `${from} TO ${to}`).join(', ');
  await session.query(`SET SESSION lock_wait_timeout = ${waitSeconds}`);
  try {
    for (let attempt = 1; ; attempt++) {
      const isDone = await session.run(`RENAME TABLE ${list}`, [], 'RENAME TABLE').then(
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
