import { DbError } from './errors.ts';
import type { Session } from './session.ts';

/** Who asks for a lease: a run of a job, as Temporal names it. */
export interface LeaseHolder {
  readonly job: string;
  readonly workflowId: string;
  readonly runId: string;
}

/** The right to write, as long as nobody has a higher epoch. */
export interface Lease extends LeaseHolder {
  readonly epoch: number;
}

interface LeaseRow {
  readonly epoch: number;
  readonly workflowId: string | null;
  readonly runId: string | null;
  readonly isLive: 0 | 1;
}

const leaseSeconds = 60;

/**
 * Takes the lease for a new attempt: free, expired, or held by the same run, whose earlier attempt is fenced out by it.
 * @returns the lease with its new epoch, or who holds it.
 */
export function takeLease(
  session: Session,
  holder: LeaseHolder,
): Promise<Lease | { readonly heldBy: string }> {
  return session.transaction(async () => {
    await session.query('INSERT IGNORE INTO lease (job, epoch) VALUES (?, 0)', [holder.job]);
    const [known] = await session.query<LeaseRow>(
      `SELECT epoch, workflow_id AS workflowId, run_id AS runId, expires_at > NOW(6) AS isLive
       FROM lease WHERE job = ? FOR UPDATE`,
      [holder.job],
    );
    if (known?.isLive && known.runId !== holder.runId)
      return { heldBy: `${known.workflowId} (${known.runId})` };
    const epoch = (known?.epoch ?? 0) + 1;
    await session.query(
      `UPDATE lease SET epoch = ?, workflow_id = ?, run_id = ?, expires_at = NOW(6) + INTERVAL ${leaseSeconds} SECOND
       WHERE job = ?`,
      [epoch, holder.workflowId, holder.runId, holder.job],
    );
    return { ...holder, epoch };
  });
}

/**
 * Keeps the lease from expiring. A transaction that writes under the lease holds its row, so nobody can take it
 * meanwhile and there is nothing to renew: the row is skipped instead of waited for.
 */
export async function renewLease(session: Session, lease: Lease): Promise<void> {
  await session.transaction(async () => {
    const free = await session.query(
      'SELECT 1 FROM lease WHERE job = ? AND epoch = ? FOR UPDATE SKIP LOCKED',
      [lease.job, lease.epoch],
    );
    if (free.length === 0) return;
    await session.query(
      `UPDATE lease SET expires_at = NOW(6) + INTERVAL ${leaseSeconds} SECOND WHERE job = ? AND epoch = ?`,
      [lease.job, lease.epoch],
    );
  });
}

/**
 * First statement of every transaction that writes for a run: locks the lease's row until the commit.
 * @throws DbError FencedOut when a newer attempt or another run has taken over. Stop at once; its rows win.
 */
export async function fence(session: Session, lease: Lease): Promise<void> {
  const [row] = await session.query<{ epoch: number }>('SELECT epoch FROM lease WHERE job = ? FOR UPDATE', [
    lease.job,
  ]);
  if (row !== undefined && row.epoch === lease.epoch) return;
  throw new DbError(
    'FencedOut',
    `Epoch ${lease.epoch} of ${lease.job} is over: ${row?.epoch ?? 'none'} holds the lease.`,
  );
}

/** Gives the lease of a run back; the epoch stays, so that no earlier attempt can write. */
export async function releaseLease(session: Session, { job, runId }: LeaseHolder): Promise<void> {
  await session.query(
    'UPDATE lease SET epoch = epoch + 1, workflow_id = NULL, run_id = NULL, expires_at = NULL WHERE job = ? AND run_id = ?',
    [job, runId],
  );
}
