import { and, eq, sql } from 'drizzle-orm';
import type { MySqlRemoteDatabase } from 'drizzle-orm/mysql-proxy';
import { DbError } from '../connection/errors.ts';
import { leaseTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';

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

const { job, epoch, workflowId, runId, expiresAt } = leaseTable;

// The database's clock, which all hosts share.
const inAMinute = sql`NOW(6) + INTERVAL 60 SECOND`;

const isHeldBy = (lease: Lease) => and(eq(job, lease.job), eq(epoch, lease.epoch));

/**
 * Takes the lease for a new attempt: free, expired, or held by the same run, whose earlier attempt is fenced out by it.
 * A holder in the middle of a transaction has the row locked: another run is told so at once, the same run waits.
 * @returns the lease with its new epoch, or who holds it.
 */
export function takeLease(
  session: Session,
  holder: LeaseHolder,
): Promise<Lease | { readonly heldBy: string }> {
  return session.transaction(async () => {
    const writer = await currentWriter(session, holder.job);
    if (writer && writer.runId !== holder.runId) return { heldBy: nameOf(writer) };
    await session.orm((db) => db.insert(leaseTable).ignore().values({ job: holder.job, epoch: 0 }));
    const [known] = await session.orm((db) => selectLease(db, holder.job).for('update'));
    if (known?.isLive && known.runId !== holder.runId) return { heldBy: nameOf(known) };
    const lease = { ...holder, epoch: (known?.epoch ?? 0) + 1 };
    await session.orm((db) =>
      db
        .update(leaseTable)
        .set({ epoch: lease.epoch, workflowId: lease.workflowId, runId: lease.runId, expiresAt: inAMinute })
        .where(eq(job, lease.job)),
    );
    return lease;
  });
}

type Known = Awaited<ReturnType<typeof selectLease>>[number];

const selectLease = (db: MySqlRemoteDatabase, name: string) =>
  db
    .select({ epoch, workflowId, runId, isLive: sql<0 | 1 | null>`${expiresAt} > NOW(6)` })
    .from(leaseTable)
    .where(eq(job, name));

const nameOf = ({ workflowId: workflow, runId: run }: Known) => `${workflow} (${run})`;

/** The run whose transaction has the row of the lease locked; an INSERT IGNORE, too, would wait for that. */
async function currentWriter(session: Session, name: string): Promise<Known | undefined> {
  const free = await session.orm((db) => selectLease(db, name).for('update', { skipLocked: true }));
  if (free.length > 0) return undefined;
  const [known] = await session.orm((db) => selectLease(db, name));
  return known?.runId ? known : undefined;
}

/**
 * Keeps the lease from expiring. It waits for a transaction that holds the row: as long as one does, nobody can take the
 * lease, and those that share the row would otherwise never leave a gap.
 * @throws DbError DatabaseBusy when a transaction lasts longer than the server lets anybody wait
 */
export async function renewLease(session: Session, lease: Lease): Promise<void> {
  await session.orm((db) => db.update(leaseTable).set({ expiresAt: inAMinute }).where(isHeldBy(lease)));
}

/**
 * First statement of every transaction that writes for a run: locks the lease's row until the commit.
 * @throws DbError FencedOut when a newer attempt or another run has taken over. Stop at once; its rows win.
 */
export async function fence(session: Session, lease: Lease): Promise<void> {
  const [row] = await session.orm((db) =>
    db.select({ epoch }).from(leaseTable).where(eq(job, lease.job)).for('update'),
  );
  refuseOld(lease, row?.epoch);
}

/**
 * The same for transactions of one attempt that work side by side: they share the row, and a newer attempt waits for all.
 * @throws DbError FencedOut
 */
export async function fenceShared(session: Session, lease: Lease): Promise<void> {
  // Drizzle writes FOR SHARE, which MariaDB does not know.
  const [row] = await session.query<{ epoch: number }>(
    'SELECT epoch FROM lease WHERE job = ? LOCK IN SHARE MODE',
    [lease.job],
    'fence',
  );
  refuseOld(lease, row?.epoch);
}

function refuseOld(lease: Lease, current: number | undefined): void {
  if (current === lease.epoch) return;
  throw new DbError(
    'FencedOut',
    `Epoch ${lease.epoch} of ${lease.job} is over: ${current ?? 'none'} holds the lease.`,
  );
}

/** Gives the lease of a run back; the epoch stays, so that no earlier attempt can write. */
export async function releaseLease(session: Session, holder: LeaseHolder): Promise<void> {
  await session.orm((db) =>
    db
      .update(leaseTable)
      .set({ epoch: sql`${epoch} + 1`, workflowId: null, runId: null, expiresAt: null })
      .where(and(eq(job, holder.job), eq(runId, holder.runId))),
  );
}
