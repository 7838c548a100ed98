import type { PublishScope } from './publish-scope.ts';
import type { Session } from '../connection/session.ts';
import type { NpiTables } from '../schema/tables.ts';

/** Enters the refused rows of a staging; a release whose ledger line was lost is loaded again, under the same number. */
export async function enterRefused(session: Session, stage: string, releaseId: number): Promise<void> {
  await session.query('DELETE FROM npi_quarantine WHERE release_id = ?', [releaseId]);
  // What an earlier version of the release left is told by this one.
  await session.query(
    'UPDATE npi_quarantine SET cleared_by = ? WHERE release_id BETWEEN ? AND ? AND cleared_by IS NULL',
    [releaseId, releaseId - (releaseId % 1000), releaseId - 1],
  );
  await session.query(
    `INSERT INTO npi_quarantine (release_id, row_no, line_no, npi, reason, column_name)
     SELECT ?, r.row_no, r.line_no, r.npi, r.reason, r.column_name FROM ${stage}_refused r`,
    [releaseId],
  );
}

/**
 * A sound row clears the entries that earlier releases left for its provider. Of a release that arrives late, what later
 * ones have brought clears its own.
 */
export async function clearRefused(
  session: Session,
  { tables, stage, releaseId }: PublishScope,
): Promise<void> {
  await session.query(
    `UPDATE npi_quarantine q STRAIGHT_JOIN ${stage} s ON s.npi = q.npi
     SET q.cleared_by = ? WHERE q.release_id < ? AND COALESCE(q.cleared_by, ?) >= ?`,
    [releaseId, releaseId, releaseId, releaseId],
  );
  await clearByKnown(session, tables, releaseId);
}

/** A monthly is all that there is: it clears what earlier releases left, and what it refuses itself stands anew. */
export async function clearByMonthly(session: Session, live: NpiTables, releaseId: number): Promise<void> {
  await session.query(
    'UPDATE npi_quarantine q SET q.cleared_by = ? WHERE q.release_id < ? AND q.cleared_by IS NULL',
    [releaseId, releaseId],
  );
  await clearByKnown(session, live, releaseId);
}

/**
 * Clears what a release refused of providers that a later release has brought. A later row that is stale does not stand in
 * the providers' tables; that it came is kept with the stubs and the stale rows.
 */
async function clearByKnown(session: Session, tables: NpiTables, releaseId: number): Promise<void> {
  for (const type of [0, 1, 2] as const) {
    await session.query(
      `UPDATE npi_quarantine q STRAIGHT_JOIN ${tables.data(type)} k ON k.npi = q.npi
       SET q.cleared_by = GREATEST(COALESCE(k.data_release, 0), COALESCE(k.deactivation_release, 0))
       WHERE q.release_id = ? AND q.cleared_by IS NULL
         AND GREATEST(COALESCE(k.data_release, 0), COALESCE(k.deactivation_release, 0)) > ?`,
      [releaseId, releaseId],
    );
  }
  for (const kept of ['npi_stub', 'npi_stale'] as const) {
    await session.query(
      `UPDATE npi_quarantine q
       SET q.cleared_by = (SELECT MIN(l.release_id) FROM ${kept} l WHERE l.npi = q.npi AND l.release_id > q.release_id)
       WHERE q.release_id = ? AND q.cleared_by IS NULL`,
      [releaseId],
    );
  }
}

/** Refused rows that no sound one has followed, by release and reason; release 0 is an adopted database. */
export interface RefusedCount {
  readonly releaseId: number;
  /** Absent for an adopted database. */
  readonly fileName: string | null;
  readonly reason: string;
  readonly rowCount: number;
}

/** What is in quarantine, the newest release first. */
export function openRefused(session: Session): Promise<RefusedCount[]> {
  return session.query<RefusedCount>(
    `SELECT q.release_id AS releaseId, r.file_name AS fileName, q.reason, COUNT(*) AS rowCount
     FROM npi_quarantine q LEFT JOIN npi_release r ON r.release_id = q.release_id
     WHERE q.cleared_by IS NULL GROUP BY q.release_id, r.file_name, q.reason ORDER BY q.release_id DESC, rowCount DESC`,
  );
}
