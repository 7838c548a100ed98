import type { Session } from '../connection/session.ts';
import { goodOutcomes } from './runs.ts';

/** What the ledger says about a job. Dry runs do not count. */
export interface JobHealth {
  readonly job: string;
  /** Seconds since its last good run; null before the first. */
  readonly sinceSuccess: number | null;
  /** Whether its last finished run failed. */
  readonly isLastFailed: boolean;
  /** How long its open run is open; 0 when there is none. */
  readonly openSeconds: number;
}

/** Reads the ledger's view of every job that has run. */
export async function jobHealth(session: Session): Promise<JobHealth[]> {
  const found = await session.query<{
    job: string;
    sinceSuccess: number | null;
    isLastFailed: number;
    openSeconds: number;
  }>(
    `SELECT r.job,
            MIN(IF(r.outcome IN (?), TIMESTAMPDIFF(SECOND, r.finished_at, NOW(6)), NULL)) AS sinceSuccess,
            MAX(IF(r.finished_at IS NULL, TIMESTAMPDIFF(SECOND, r.started_at, NOW(6)), 0)) AS openSeconds,
            (SELECT l.failure_type IS NOT NULL FROM run l WHERE l.job = r.job AND l.is_dry_run = FALSE AND l.finished_at IS NOT NULL
             ORDER BY l.finished_at DESC LIMIT 1) AS isLastFailed
     FROM run r WHERE r.is_dry_run = FALSE GROUP BY r.job`,
    [goodOutcomes],
  );
  return found.map(({ isLastFailed, ...job }) => ({ ...job, isLastFailed: Boolean(isLastFailed) }));
}

/** Number of warnings that nobody has acknowledged. */
export async function countOpenWarnings(session: Session): Promise<number> {
  const [row] = await session.query<{ warnings: number }>(
    'SELECT COUNT(*) AS warnings FROM warning WHERE gone_at IS NULL AND acknowledged_at IS NULL',
  );
  return row?.warnings ?? 0;
}
