import { and, eq, sql } from 'drizzle-orm';
import type { MySqlRemoteDatabase } from 'drizzle-orm/mysql-proxy';
import { DbError } from '../connection/errors.ts';
import type { Database } from '../connection/pool.ts';
import { leaseTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';

/** A run of a job, by its Temporal IDs, that asks for a lease. */
export interface LeaseHolder {
  readonly job: string;
  readonly workflowId: string;
  readonly runId: string;
}

/** The permission to write, valid until somebody has a higher epoch. */
export interface Lease extends LeaseHolder {
  readonly epoch: number;
}

const { job, epoch, workflowId, runId, expiresAt } = leaseTable;

// Uses the database's clock, which is the same for all hosts.
const inAMinute = sql`NOW(6) + INTERVAL 60 SECOND`;

const isHeldBy = (lease: Lease) => and(eq(job, lease.job), eq(epoch, lease.epoch));

/**
 * Takes the lease for a new attempt if it is free, expired, or held by the same run. The new epoch fences out the earlier
 * attempt. A holder inside a transaction keeps the row locked. Then another run gets its name at once; the same run waits.
 * @returns the lease with its new epoch, or the holder's name
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

/** The run whose transaction has locked the row of the lease. Checked first, because even INSERT IGNORE would wait. */
async function currentWriter(session: Session, name: string): Promise<Known | undefined> {
  const free = await session.orm((db) => selectLease(db, name).for('update', { skipLocked: true }));
  if (free.length > 0) return undefined;
  const [known] = await session.orm((db) => selectLease(db, name));
  return known?.runId ? known : undefined;
}

/**
 * Keeps the lease from expiring. Waits for transactions that lock the row: while one does, nobody else can take the lease,
 * and without waiting, concurrent shared locks would never leave a gap for the update.
 * @throws DbError DatabaseBusy when a transaction lasts longer than the server's lock wait timeout
 */
export async function renewLease(session: Session, lease: Lease): Promise<void> {
  await session.orm((db) => db.update(leaseTable).set({ expiresAt: inAMinute }).where(isHeldBy(lease)));
}

/**
 * The first statement of every transaction that writes for a run. Locks the lease's row until the commit.
 * @throws DbError FencedOut when a newer attempt or another run has taken the lease. Stop at once; its rows win.
 */
export async function fence(session: Session, lease: Lease): Promise<void> {
  const [row] = await session.orm((db) =>
    db.select({ epoch }).from(leaseTable).where(eq(job, lease.job)).for('update'),
  );
  refuseOld(lease, row?.epoch);
}

/**
 * Like `fence`, for concurrent transactions of one attempt: they share the lock, and a newer attempt waits for all of them.
 * @throws DbError FencedOut
 */
export async function fenceShared(session: Session, lease: Lease): Promise<void> {
  // Drizzle writes FOR SHARE, which MariaDB does not support.
  const [row] = await session.query<{ epoch: number }>(
    'SELECT epoch FROM lease WHERE job = ? LOCK IN SHARE MODE',
    [lease.job],
    'fence',
  );
  refuseOld(lease, row?.epoch);
}

/**
 * Runs `work`, which creates or drops tables, while another connection holds the fence: such a statement commits, and would
 * release a lock of its own connection.
 * @throws DbError FencedOut before `work` when the lease is lost
 */
export function whileFenced(
  database: Database,
  signal: AbortSignal,
  lease: Lease,
  work: () => Promise<void>,
): Promise<void> {
  return database.session(signal, (session) =>
    session.transaction(async () => {
      await fence(session, lease);
      await work();
    }),
  );
}

function refuseOld(lease: Lease, current: number | undefined): void {
  if (current === lease.epoch) return;
  throw new DbError(
    'FencedOut',
    `This attempt lost the lease of ${lease.job}: it has epoch ${lease.epoch}, the current epoch is ${current ?? 'unknown'}.`,
  );
}

/** Releases the lease of a run. The epoch still increases, so that no earlier attempt can write. */
export async function releaseLease(session: Session, holder: LeaseHolder): Promise<void> {
  await session.orm((db) =>
    db
      .update(leaseTable)
      .set({ epoch: sql`${epoch} + 1`, workflowId: null, runId: null, expiresAt: null })
      .where(and(eq(job, holder.job), eq(runId, holder.runId))),
  );
}
