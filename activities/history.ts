import { countSurplus, forgetBatch, surplusHistory, versionsPerBatch } from '../db/history/surplus.ts';
import type { Session } from '../db/connection/session.ts';
import type { Lease } from '../db/ledger/lease.ts';
import { releaseName } from '../nppes/page/release.ts';
import { underLease, type Attempt } from './attempt.ts';
import { counted } from './counted.ts';
import { job, type ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';
import { createPace } from './pace.ts';

/**
 * Deletes what `NPI_HISTORY_KEEP` no longer keeps of the history, in short transactions. Takes the lease only when there is
 * something to delete.
 */
export async function pruneHistory(deps: ActivityDeps, current: Attempt): Promise<void> {
  const { database, historyKeepMs: keepMs } = deps;
  if (keepMs === undefined) return;
  const { signal } = current;
  if ((await database.session(signal, (session) => surplusHistory(session, keepMs))) === undefined) return;
  await underLease(deps, current, job, (lease) =>
    database.session(signal, (session) => forget(deps, current, session, { lease, keepMs })),
  );
}

async function forget(
  deps: ActivityDeps,
  current: Attempt,
  session: Session,
  { lease, keepMs }: { readonly lease: Lease; readonly keepMs: number },
): Promise<void> {
  const startedAt = performance.now();
  const pace = createPace(deps, current);
  // Asked again under the lease: a rollback may have come between.
  const surplus = await surplusHistory(session, keepMs);
  if (surplus === undefined) return;
  let [rows, isMore] = [0, true];
  while (isMore) {
    await pace.giveWay(session, current.signal);
    const deleted = await forgetBatch(session, lease, surplus);
    rows += deleted;
    isMore = deleted === versionsPerBatch;
    current.heartbeat({ phase: 'archive', step: 'deleting old history', rows });
  }
  current.log.info('old history deleted', {
    begins: releaseName(surplus),
    versions: rows,
    seconds: secondsSince(startedAt),
    pausedSeconds: pace.pausedSeconds(),
  });
}

/** What a dry run says about the history: what a run that loads a release would delete. */
export async function historyRemarks(
  { database, historyKeepMs: keepMs }: ActivityDeps,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (keepMs === undefined) return [];
  return database.session(signal, async (session) => {
    const surplus = await surplusHistory(session, keepMs);
    if (surplus === undefined) return [];
    const count = await countSurplus(session, surplus);
    return [
      `NPI_HISTORY_KEEP: the next run that loads a release deletes the history up to ${releaseName(surplus)} (${counted(count, 'version')}), or ` +
        'up to a later release. What is deleted does not come back.',
    ];
  });
}
