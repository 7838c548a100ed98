import type { Session } from '../connection/session.ts';
import { fence, type Lease } from './lease.ts';

/** A remark that is open, or acknowledged and still true. Times are UTC. */
export interface Warning {
  readonly warningId: number;
  readonly job: string;
  readonly remark: string;
  readonly runId: string;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedReason: string | null;
}

/** What one run of a job says. */
export interface RunRemarks {
  /** The job, or another name whose standing remarks are replaced apart from those of the job. */
  readonly job: string;
  readonly runId: string;
  readonly remarks: readonly string[];
}

/** Records remarks about what a run loaded. They stay open until somebody acknowledges them. */
export async function addWarnings(session: Session, said: RunRemarks): Promise<void> {
  for (const remark of said.remarks) await addWarning(session, said, { remark, isStanding: false });
}

/** Records what holds now. What earlier runs of the job said of this kind, and this one does not, is gone. */
export function replaceStandingWarnings(session: Session, lease: Lease, said: RunRemarks): Promise<void> {
  return session.transaction(async () => {
    await fence(session, lease);
    for (const remark of said.remarks) await addWarning(session, said, { remark, isStanding: true });
    await session.query(
      `UPDATE warning SET gone_at = NOW(6)
       WHERE job = ? AND is_standing = TRUE AND gone_at IS NULL AND remark NOT IN (?)`,
      // An empty list would be no SQL, and no remark is empty.
      [said.job, ['', ...said.remarks.map(shortened)]],
    );
  });
}

/** The names beginning with `prefix` under which standing warnings hold. */
export async function standingNames(session: Session, prefix: string): Promise<string[]> {
  const found = await session.query<{ job: string }>(
    `SELECT DISTINCT job FROM warning
     WHERE is_standing = TRUE AND gone_at IS NULL AND LEFT(job, CHAR_LENGTH(?)) = ? ORDER BY job`,
    [prefix, prefix],
  );
  return found.map(({ job }) => job);
}

const longestRemark = 600;
const shortened = (remark: string) => Array.from(remark).slice(0, longestRemark).join('');

async function addWarning(
  session: Session,
  { job, runId }: RunRemarks,
  { remark, isStanding }: { readonly remark: string; readonly isStanding: boolean },
): Promise<void> {
  // The server assigns from left to right, so `gone_at` comes after what depends on it.
  await session.query(
    `INSERT INTO warning (job, remark, is_standing, run_id, first_seen, last_seen)
     VALUES (?, ?, ?, ?, NOW(6), NOW(6))
     ON DUPLICATE KEY UPDATE
       first_seen = IF(gone_at IS NULL, first_seen, NOW(6)),
       acknowledged_at = IF(gone_at IS NULL, acknowledged_at, NULL),
       acknowledged_by = IF(gone_at IS NULL, acknowledged_by, NULL),
       acknowledged_reason = IF(gone_at IS NULL, acknowledged_reason, NULL),
       gone_at = NULL, last_seen = NOW(6), run_id = ?`,
    [job, shortened(remark), isStanding, runId, runId],
  );
}

/** The warnings that still hold, oldest first, with those that somebody has acknowledged. */
export function readWarnings(session: Session): Promise<Warning[]> {
  return session.query<Warning>(
    `SELECT warning_id AS warningId, job, remark, run_id AS runId, first_seen AS firstSeen, last_seen AS lastSeen,
            acknowledged_by AS acknowledgedBy, acknowledged_reason AS acknowledgedReason
     FROM warning WHERE gone_at IS NULL AND (acknowledged_at IS NULL OR is_standing = TRUE) ORDER BY warning_id`,
  );
}

/** Acknowledges an open warning. Returns false when there is none with this number. */
export async function acknowledgeWarning(
  session: Session,
  warningId: number,
  { by, reason }: { readonly by: string; readonly reason?: string },
): Promise<boolean> {
  const open = await session.query(
    'SELECT 1 FROM warning WHERE warning_id = ? AND gone_at IS NULL AND acknowledged_at IS NULL',
    [warningId],
  );
  await session.query(
    `UPDATE warning SET acknowledged_at = NOW(6), acknowledged_by = ?, acknowledged_reason = ?
     WHERE warning_id = ? AND gone_at IS NULL AND acknowledged_at IS NULL`,
    [by, reason ?? null, warningId],
  );
  return open.length > 0;
}
