import { ApplicationFailure, Context } from '@temporalio/activity';
import { failures, type FailureKind, type FailureType } from '../contract/failures.ts';
import { waitingForSignal } from '../contract/workflows.ts';
import { DbError, StatementError } from '../db/connection/errors.ts';
import { NppesError } from '../nppes/errors.ts';
import type { Log } from '../telemetry/log.ts';

const longestPauseMs = 15 * 60_000;
const signalPatienceMs = 5000;

/** The type of `contract/failures.ts` to which an error belongs. */
export function failureType(error: unknown): FailureType {
  if (error instanceof ApplicationFailure) return error.type as FailureType;
  if (error instanceof NppesError || error instanceof DbError) return error.code;
  if (error instanceof StatementError) return 'StatementFailed';
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' ? 'NoSpace' : 'Unexpected';
}

/**
 * An error as a failure. `errorCount` is the number of errors of this type in this activity, with this one: Temporal's number
 * of the attempt also counts killed workers and other errors. The pause before the next attempt doubles from one second to
 * 15 minutes.
 */
export function asFailure(
  error: unknown,
  log: Log,
  { type, errorCount }: { readonly type: FailureType; readonly errorCount: number },
): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const { isRetryable, nextStep, tries = Infinity }: FailureKind = failures[type];
  const { name, message } = error as Error;
  const what = type === 'Unexpected' ? `${name}: ${message}` : message;
  log.error(what, { type, errorCount, nextStep });
  const nonRetryable = !isRetryable || errorCount >= tries;
  const nextRetryDelay = Math.min(1000 * 2 ** (errorCount - 1), longestPauseMs);
  return ApplicationFailure.create({
    type,
    message: `${what} ${nextStep}`,
    nonRetryable,
    ...(!nonRetryable && { nextRetryDelay }),
  });
}

/** Shows in the details of the run what it waits for. Temporal does not tell a workflow that its activity is retried. */
export async function showWaiting(failure: ApplicationFailure, log: Log): Promise<void> {
  const { nextRetryDelay, message } = failure;
  if (nextRetryDelay === undefined || nextRetryDelay === null) return;
  const { client, info } = Context.current();
  if (!info.workflowExecution) return;
  const { workflowId, runId } = info.workflowExecution;
  const text = `${message} The next try is in ${Math.round(Number(nextRetryDelay) / 1000)} s.`;
  await client
    .withAbortSignal(AbortSignal.timeout(signalPatienceMs), () =>
      client.workflow.getHandle(workflowId, runId).signal(waitingForSignal, text),
    )
    .catch((error: unknown) =>
      log.warn('could not show in the run what it waits for', { reason: (error as Error).message }),
    );
}
