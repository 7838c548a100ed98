import { asc, desc, eq, sql } from 'drizzle-orm';
import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import { pendingRollbacks } from '../ledger/rolled-back.ts';
import { historySince } from '../registry/history.ts';
import type { PublishScope } from '../registry/publish-scope.ts';
import { pinned, pinRows, restore, unpin } from '../registry/restore.ts';
import { searchAgain } from '../registry/search.ts';
import { openStaging } from '../registry/staging.ts';
import { liveTable, releaseTable, rollbackTable, supersededTable } from '../schema/schema.ts';
import { liveTables, type Schemas } from '../schema/tables.ts';

/** A release that was taken back or brought forward. */
export interface MovedRelease {
  readonly fileName: string;
  readonly kind: string;
  /** Providers whose row it changes, in either direction. */
  readonly providers: number;
  /** Search rows written and deleted. */
  readonly searchRows: number;
}

// A release that is taken back leaves its versions, and its rows as pins, under negative IDs, so that nothing reads them.
const setAsideId = (releaseId: number) => -releaseId;
const pinsId = (releaseId: number) => -10 * releaseId;

/**
 * Takes the newest release back, in one transaction: providers, search tables, history, quarantine and ledger are as they were
 * before it. Only its lines in the two logs of the application stay. After a monthly, rows that it only confirmed keep its
 * ID in `data_release`.
 * @throws DbError RollbackRefused when nothing is published, or the history does not reach back; FencedOut
 */
export function rollBack(session: Session, schemas: Schemas, lease: Lease): Promise<MovedRelease> {
  return once(session, schemas, lease, async (scope) => {
    const [newest] = await session.orm((db) =>
      db.select().from(releaseTable).orderBy(desc(releaseTable.releaseId)).limit(1),
    );
    if (newest === undefined) throw new DbError('RollbackRefused', 'No release is published.');
    const { releaseId, fileName, kind } = newest;
    const since = await historySince(session);
    if (since !== undefined && since >= releaseId) {
      throw new DbError(
        'RollbackRefused',
        `The history begins with ${fileName}, so what it replaced was not kept.`,
      );
    }
    await pinRows(session, scope, `SELECT v.npi FROM npi_version v WHERE v.release_id = ${releaseId}`);
    await restore(session, scope, { pin: pinned, after: releaseId - 1 });
    const moved = await movedRows(session, scope);
    await renumber(session, releaseId, setAsideId(releaseId));
    await renumber(session, pinned, pinsId(releaseId));
    await session.query('UPDATE npi_quarantine SET cleared_by = NULL WHERE cleared_by = ?', [releaseId]);
    // Its own refused rows are as if cleared, so that nobody looks for them.
    await session.query('UPDATE npi_quarantine SET cleared_by = release_id WHERE release_id = ?', [
      releaseId,
    ]);
    // An earlier content of the release may have been given up.
    await session.orm((db) => db.delete(rollbackTable).where(eq(rollbackTable.releaseId, releaseId)));
    await session.orm((db) =>
      db.insert(rollbackTable).values({ ...newest, rolledBackAt: sql`NOW(6)`, isFinal: false }),
    );
    await session.orm((db) => db.delete(releaseTable).where(eq(releaseTable.releaseId, releaseId)));
    // Otherwise the next run would record the monthly again.
    await session.orm((db) => db.delete(liveTable).where(eq(liveTable.releaseId, releaseId)));
    await session.orm((db) => db.delete(supersededTable).where(eq(supersededTable.supersededBy, releaseId)));
    return { fileName, kind, ...moved };
  });
}

/**
 * Brings the release forward that was taken back last, in one transaction.
 * @throws DbError RollbackRefused when none is taken back; FencedOut
 */
export function rollForward(session: Session, schemas: Schemas, lease: Lease): Promise<MovedRelease> {
  return once(session, schemas, lease, async (scope) => {
    const [entry] = await session.orm((db) =>
      db
        .select()
        .from(rollbackTable)
        .where(eq(rollbackTable.isFinal, false))
        .orderBy(asc(rollbackTable.releaseId))
        .limit(1),
    );
    if (entry === undefined) throw new DbError('RollbackRefused', 'No release is rolled back.');
    const { releaseId } = entry;
    await renumber(session, pinsId(releaseId), pinned);
    await restore(session, scope, { pin: pinned, after: pinned - 1 });
    const moved = await movedRows(session, scope);
    await unpin(session, scope);
    await renumber(session, setAsideId(releaseId), releaseId);
    await session.query('UPDATE npi_quarantine SET cleared_by = NULL WHERE release_id = ?', [releaseId]);
    await clearAgain(session, releaseId, entry.kind === 'monthly');
    const { rolledBackAt: _at, isFinal: _final, ...release } = entry;
    await session.orm((db) => db.insert(releaseTable).values(release));
    await session.orm((db) => db.delete(rollbackTable).where(eq(rollbackTable.releaseId, releaseId)));
    return { fileName: release.fileName, kind: release.kind, ...moved };
  });
}

/**
 * Gives up the releases that are taken back: runs load again, but not the content of these releases.
 * @returns their file names
 * @throws DbError RollbackRefused when none is taken back; FencedOut
 */
export function acceptRollback(session: Session, schemas: Schemas, lease: Lease): Promise<string[]> {
  return once(session, schemas, lease, async () => {
    const pending = await pendingRollbacks(session);
    if (pending.length === 0) throw new DbError('RollbackRefused', 'No release is rolled back.');
    for (const { releaseId } of pending) {
      await session.query('DELETE FROM npi_version WHERE release_id IN (?)', [
        [setAsideId(releaseId), pinsId(releaseId)],
      ]);
      await session.query('DELETE FROM npi_quarantine WHERE release_id = ?', [releaseId]);
    }
    await session.orm((db) =>
      db.update(rollbackTable).set({ isFinal: true }).where(eq(rollbackTable.isFinal, false)),
    );
    return pending.map(({ fileName }) => fileName);
  });
}

/**
 * Does the work in one transaction, once per run: its result is in the checkpoint of the run's staging, where an attempt finds
 * it that is repeated because the worker died after the commit. Otherwise it would take another release back.
 */
async function once<Result>(
  session: Session,
  schemas: Schemas,
  lease: Lease,
  work: (scope: PublishScope) => Promise<Result>,
): Promise<Result> {
  // Outside the transaction, because DDL commits. The end of the run drops it.
  const { name } = await openStaging(session, lease.runId, 'rollback');
  const scope = { tables: liveTables(schemas), versions: 'npi_version', stage: name, releaseId: pinned };
  return session.transaction(async () => {
    await fence(session, lease);
    const [done] = await session.query<{ result: string }>(
      'SELECT CAST(staged AS CHAR) AS result FROM npi_checkpoint WHERE stage = ? AND is_whole',
      [name],
    );
    if (done) return JSON.parse(done.result) as Result;
    const result = await work(scope);
    await session.query('UPDATE npi_checkpoint SET is_whole = TRUE, staged = ? WHERE stage = ?', [
      JSON.stringify(result),
      name,
    ]);
    return result;
  });
}

async function movedRows(
  session: Session,
  scope: PublishScope,
): Promise<Pick<MovedRelease, 'providers' | 'searchRows'>> {
  const touched = await searchAgain(session, scope, pinned);
  const [pins] = await session.query<{ providers: number }>(
    `SELECT COUNT(*) AS providers FROM npi_version WHERE release_id = ${pinned}`,
  );
  const searchRows = touched.reduce(
    (sum, { writtenRows, deletedRows }) => sum + writtenRows + deletedRows,
    0,
  );
  return { providers: pins?.providers ?? 0, searchRows };
}

async function renumber(session: Session, from: number, to: number): Promise<void> {
  await session.query('UPDATE npi_version SET release_id = ? WHERE release_id = ?', [to, from]);
}

/** Clears the entries of the quarantine that the release had cleared; see db/registry/quarantine.ts. */
async function clearAgain(session: Session, releaseId: number, isMonthly: boolean): Promise<void> {
  const isNamed = `EXISTS (SELECT 1 FROM npi_version v WHERE v.npi = q.npi AND v.release_id = ${releaseId})`;
  await session.query(
    `UPDATE npi_quarantine q SET q.cleared_by = ?
     WHERE q.cleared_by IS NULL AND q.release_id <= ?
       AND (q.release_id >= ? OR ${isMonthly ? 'TRUE' : isNamed})`,
    [releaseId, releaseId - 1, releaseId - (releaseId % 1000)],
  );
}
