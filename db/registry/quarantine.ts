import type { PublishScope } from './publish-scope.ts';
import { lastReleaseOf } from './versions.ts';
import type { Session } from '../connection/session.ts';
import type { NpiTables } from '../schema/tables.ts';

/**
 * Records the refused rows of the table `<stage>_refused`. If the ledger row of the release was lost, it is loaded again under the same ID, so
 * rows of that earlier load are deleted first.
 */
export async function enterRefused(session: Session, stage: string, releaseId: number): Promise<void> {
  await session.query('DELETE FROM npi_quarantine WHERE release_id = ?', [releaseId]);
  // This version replaces the entries of earlier versions of the release.
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

/** A valid row clears its provider's entries from earlier releases. */
export async function clearRefused(session: Session, { stage, releaseId }: PublishScope): Promise<void> {
  await session.query(
    `UPDATE npi_quarantine q STRAIGHT_JOIN ${stage} s ON s.npi = q.npi
     SET q.cleared_by = ? WHERE q.release_id < ? AND COALESCE(q.cleared_by, ?) >= ?`,
    [releaseId, releaseId, releaseId, releaseId],
  );
}

/** A monthly contains every provider, so it clears all entries of earlier releases. Its own refused rows stay open. */
export async function clearByMonthly(session: Session, live: NpiTables, releaseId: number): Promise<void> {
  await session.query(
    'UPDATE npi_quarantine q SET q.cleared_by = ? WHERE q.release_id < ? AND COALESCE(q.cleared_by, ?) >= ?',
    [releaseId, releaseId, releaseId, releaseId],
  );
  await clearByKnown(session, live, releaseId);
}

/**
 * Clears a release's entries for providers that a later release brought: it arrived late. Call it when the later releases are
 * in the tables and nothing is pinned. Where the history does not reach back, the provider tables tell the later release.
 */
export async function clearByKnown(session: Session, tables: NpiTables, releaseId: number): Promise<void> {
  await session.query(
    `UPDATE npi_quarantine q
     SET q.cleared_by = (SELECT MIN(l.release_id) FROM npi_version l WHERE l.npi = q.npi AND l.release_id > q.release_id)
     WHERE q.release_id = ? AND q.cleared_by IS NULL`,
    [releaseId],
  );
  for (const type of [0, 1, 2] as const) {
    await session.query(
      `UPDATE npi_quarantine q STRAIGHT_JOIN ${tables.data(type)} k ON k.npi = q.npi
       SET q.cleared_by = ${lastReleaseOf('k')}
       WHERE q.release_id = ? AND q.cleared_by IS NULL
         AND ${lastReleaseOf('k')} > ?`,
      [releaseId, releaseId],
    );
  }
}

/** Number of refused rows not yet replaced by a valid one, by release and reason. Release 0 is an adopted database. */
export interface RefusedCount {
  readonly releaseId: number;
  /** Absent for an adopted database. */
  readonly fileName: string | null;
  readonly reason: string;
  readonly rowCount: number;
}

/** The open entries of the quarantine, newest release first. */
export function openRefused(session: Session): Promise<RefusedCount[]> {
  return session.query<RefusedCount>(
    `SELECT q.release_id AS releaseId, r.file_name AS fileName, q.reason, COUNT(*) AS rowCount
     FROM npi_quarantine q LEFT JOIN npi_release r ON r.release_id = q.release_id
     WHERE q.cleared_by IS NULL GROUP BY q.release_id, r.file_name, q.reason ORDER BY q.release_id DESC, rowCount DESC`,
  );
}

/** Number of refused rows not yet replaced by a valid one. */
export async function countRefused(session: Session): Promise<number> {
  const [row] = await session.query<{ refusedRows: number }>(
    'SELECT COUNT(*) AS refusedRows FROM npi_quarantine WHERE cleared_by IS NULL',
  );
  return row?.refusedRows ?? 0;
}
