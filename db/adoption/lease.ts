import type { Database } from '../connection/pool.ts';
import { DbError } from '../connection/errors.ts';
import { releaseLease, renewLease, takeLease, type Lease } from '../ledger/lease.ts';
import type { Session } from '../connection/session.ts';

const renewEveryMs = 15_000;
// An adopter that was frozen, not killed, is ended by the server after a minute (db/connection/open-connection.ts).
const aloneAfterSeconds = 70;

// There is one adoption at a time, so all of them are one run: the lease of one that was killed is taken over at once.
const holder = { job: 'npi-update', workflowId: 'db-adopt', runId: 'db-adopt' } as const;

/**
 * Runs `work` as the only adoption, under the lease of the loads: no load begins meanwhile. It waits for the last statement
 * of one that was killed, if the server is still at it.
 * @throws DbError LeaseHeld when a load or another adoption is at work
 */
export function asAdoption<Result>(
  database: Database,
  signal: AbortSignal,
  work: (session: Session, lease: Lease) => Promise<Result>,
): Promise<Result> {
  return database.session(signal, async (session) => {
    const [lock] = await session.query<{ isMine: 0 | 1 }>("SELECT GET_LOCK('surgicase adopt', ?) AS isMine", [
      aloneAfterSeconds,
    ]);
    if (lock?.isMine !== 1) throw new DbError('LeaseHeld', 'Another `surgicase db adopt` is at work.');
    try {
      return await underLease(database, session, signal, work);
    } finally {
      // A connection that is lost has let go of it, and why it was lost is the news.
      await session.query("SELECT RELEASE_LOCK('surgicase adopt')").catch(() => undefined);
    }
  });
}

async function underLease<Result>(
  database: Database,
  session: Session,
  signal: AbortSignal,
  work: (session: Session, lease: Lease) => Promise<Result>,
): Promise<Result> {
  const lease = await takeLease(session, holder);
  if ('heldBy' in lease) throw new DbError('LeaseHeld', `npi-update is held by ${lease.heldBy}.`);
  let renewal: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    // A renewal that fails is made up for by the next; the fence decides, not the timer.
    renewal = database.session(signal, (other) => renewLease(other, lease)).catch(() => undefined);
  }, renewEveryMs);
  try {
    return await work(session, lease);
  } finally {
    clearInterval(timer);
    await renewal;
    // It expires by itself where the connection is lost.
    await releaseLease(session, lease).catch(() => undefined);
  }
}
