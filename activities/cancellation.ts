import { Context } from '@temporalio/activity';
import { unknownPerson } from '../contract/decisions.ts';
import type { RunJob } from '../contract/schedules.ts';
import type { Session } from '../db/connection/session.ts';
import { recordDecision } from '../db/ledger/decisions.ts';
import type { Log } from '../telemetry/log.ts';

interface CancelledRun {
  readonly runId: string;
  readonly workflowId: string;
  readonly job: RunJob;
}

/**
 * Records who asked for the end of this run, and why. Temporal tells a workflow neither, so this reads them from the history.
 * A run that cannot be asked about still ends.
 */
export async function recordCancellation(
  session: Session,
  { runId, workflowId, job }: CancelledRun,
  log: Log,
): Promise<void> {
  const handle = Context.current().client.workflow.getHandle(workflowId, runId);
  const history = await handle.fetchHistory().catch(({ message }: Error) => {
    log.warn('could not ask Temporal who cancelled this run', { reason: message });
    return undefined;
  });
  const event = history?.events?.find((one) => one.workflowExecutionCancelRequestedEventAttributes);
  if (!event) return;
  const { cause, identity } = event.workflowExecutionCancelRequestedEventAttributes ?? {};
  await recordDecision(session, {
    runId,
    job,
    what: 'cancel',
    by: identity || unknownPerson,
    ...(cause && { reason: cause }),
    at: new Date(Number(event.eventTime?.seconds ?? 0) * 1000).toISOString(),
  });
}
