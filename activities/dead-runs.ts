import type { Client } from '@temporalio/client';
import type { RunJob } from '../contract/schedules.ts';
import { closeRun, openRuns } from '../db/ledger/runs.ts';
import type { Session } from '../db/connection/session.ts';
import type { ActivityDeps } from './deps.ts';
import { endOf } from './ended-run.ts';

/** Closes runs of the job in the ledger that were terminated, timed out, or could not write their end, and reports them. */
export async function closeDeadRuns(
  session: Session,
  job: RunJob,
  {
    client,
    log,
    notify,
  }: Pick<ActivityDeps, 'log' | 'notify'> & { readonly client: Pick<Client, 'workflow'> },
): Promise<void> {
  for (const { workflowId, runId } of await openRuns(session, job)) {
    const end = await endOf(client.workflow.getHandle(workflowId, runId)).catch(({ message }: Error) => {
      // It is asked again later. The caller has more important work.
      log.warn('could not ask Temporal about an open run', { openRun: runId, reason: message });
      return undefined;
    });
    if (end === undefined) continue;
    await closeRun(session, { runId, ...end });
    log.warn('closed a run in the ledger that had ended without its last step', { deadRun: runId, ...end });
    if (end.failureType === undefined) continue;
    const text = `${job} failed: ${end.failureType}. ${workflowId} has ended; the next run does its work. Run ${runId}.`;
    notify({ event: 'failure', job, runId, text });
  }
}
