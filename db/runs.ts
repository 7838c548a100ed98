import type { Session } from './session.ts';

/** One line of the run ledger as it is opened. */
export interface RunStart {
  readonly runId: string;
  readonly workflowId: string;
  readonly job: string;
  readonly isDryRun: boolean;
}

/** Opens a run in the ledger; a retried attempt finds it open and changes nothing. */
export async function openRun(session: Session, run: RunStart): Promise<void> {
  await session.query(
    'INSERT IGNORE INTO run (run_id, workflow_id, job, is_dry_run, started_at) VALUES (?, ?, ?, ?, NOW(6))',
    [run.runId, run.workflowId, run.job, run.isDryRun],
  );
}

/** Closes a run in the ledger; the first outcome stays. */
export async function closeRun(
  session: Session,
  {
    runId,
    outcome,
    failureType,
  }: { readonly runId: string; readonly outcome: string; readonly failureType?: string },
): Promise<void> {
  await session.query(
    'UPDATE run SET finished_at = NOW(6), outcome = ?, failure_type = ? WHERE run_id = ? AND finished_at IS NULL',
    [outcome, failureType ?? null, runId],
  );
}
