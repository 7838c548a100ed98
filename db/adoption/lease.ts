import type { Database } from '../connection/pool.ts';
import { DbError } from '../connection/errors.ts';
import { releaseLease, renewLease, takeLease, type Lease } from '../ledger/lease.ts';
import type { Session } from '../connection/session.ts';

const renewEveryMs = 15_000;
// The server closes the connection of a frozen process after a minute (db/connection/open-connection.ts).
const aloneAfterSeconds = 70;

// Only one adoption runs at a time, so all of them share one run ID. A new one takes over a killed one's lease at once.
const holder = { job: 'npi-update', workflowId: 'db-adopt', runId: 'db-adopt' } as const;

/**
 * Runs `work` as the only adoption, under the lease of `npi-update`, so that no load starts meanwhile. If the server still
 * executes the last statement of a killed adoption, it waits for that first.
 * @throws DbError LeaseHeld while a load or another adoption is running
 */
export function asAdoption<Result>(
  database: Database,
  signal: AbortSignal,
  work: (session: Session, lease: Lease) => Promise<Result>,
): Promise<Result> {
  return database.session(signal, async (session) => {
    const lock = await session.query<{ isMine: 0 | 1 }>("SELECT GET_LOCK('surgicase adopt', ?) AS isMine", [
      aloneAfterSeconds,
    ]);
    if (lock[0]?.isMine !== 1)
      throw new DbError('LeaseHeld', 'Another `surgicase db adopt` is already running. Wait until it ends.');
    const lease = await takeLease(session, holder);
    if ('heldBy' in lease)
      throw new DbError(
        'LeaseHeld',
        `npi-update is running: ${lease.heldBy} holds its lease. Wait until it ends.`,
      );
    let renewal: Promise<void> = Promise.resolve();
    const timer = setInterval(() => {
      // The next renewal makes up for a failed one. The fence protects the writes, not this timer.
      renewal = database.session(signal, (other) => renewLease(other, lease)).catch(() => undefined);
    }, renewEveryMs);
    try {
      return await work(session, lease);
    } finally {
      clearInterval(timer);
      await renewal;
      // If the connection is lost, the lease expires by itself, and the error that broke it is the one to report.
      await releaseLease(session, lease).catch(() => undefined);
      await session.query("SELECT RELEASE_LOCK('surgicase adopt')").catch(() => undefined);
    }
  });
}
