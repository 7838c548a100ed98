import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { RunOutcome } from '../contract/activities.ts';
import type { RunJob } from '../contract/schedules.ts';
import { closeRun, openRuns } from '../db/ledger/runs.ts';
import type { Session } from '../db/connection/session.ts';
import type { Log } from '../telemetry/log.ts';

interface DeadEnd {
  readonly outcome: RunOutcome;
  readonly failureType?: string;
}

/** How the ledger records a run that Temporal ended without its last step. Absent: the run is still open. */
const ends: Readonly<Record<string, DeadEnd>> = {
  CANCELLED: { outcome: 'cancelled' },
  COMPLETED: { outcome: 'failed' },
  FAILED: { outcome: 'failed' },
  TERMINATED: { outcome: 'failed', failureType: 'Terminated' },
  TIMED_OUT: { outcome: 'failed', failureType: 'TimedOut' },
  GONE: { outcome: 'failed', failureType: 'Terminated' },
};

/** Closes runs of the job in the ledger that were terminated, timed out, or could not write their end. */
export async function closeDeadRuns(session: Session, job: RunJob, log: Log): Promise<void> {
  for (const run of await openRuns(session, job)) {
    const end = ends[await statusOf(run, log)];
    if (end === undefined) continue;
    await closeRun(session, { runId: run.runId, ...end });
    log.warn('closed a run in the ledger that had ended without its last step', {
      deadRun: run.runId,
      ...end,
    });
  }
}

async function statusOf(
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
  log: Log,
): Promise<string> {
  try {
    const { status } = await Context.current().client.workflow.getHandle(workflowId, runId).describe();
    return status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'GONE';
    // The next run asks again. This one has more important work.
    log.warn('could not ask Temporal about an open run', {
      openRun: runId,
      reason: (error as Error).message,
    });
    return 'unknown';
  }
}
