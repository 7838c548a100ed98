import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  patched,
  sleep,
  TemporalFailure,
} from '@temporalio/workflow';
import type { BeginInput, Begun } from '../contract/activities.ts';
import { releaseFailures } from '../contract/failures.ts';
import { failureOf } from './failure.ts';
import { firstHeartbeatTimeoutMs, shortActivities } from './phases.ts';

const leaseRetryMs = 10_000;
const leasePatienceMs = 30 * 60_000;

/**
 * Opens the run and takes the job's lease, so that two runs of a job never work at the same time, however they were
 * started. Waits up to 30 minutes for another holder and calls `onWaiting` with its name before each try.
 */
export async function beginRun(input: BeginInput, onWaiting: (holder: string) => void): Promise<Begun> {
  const { begin } = shortActivities(firstHeartbeatTimeoutMs);
  const startedAt = Date.now();
  for (;;) {
    const begun = await begin.executeWithOptions({ summary: 'open the run, take the lease' }, [input]);
    if (begun.acquired) return begun;
    onWaiting(begun.holder);
    if (Date.now() - startedAt >= leasePatienceMs) return begun;
    await sleep(leaseRetryMs, { summary: `ask again for the lease of ${begun.holder}` });
  }
}

export const shadowRemark = 'SHADOW is true: this was a dry run, and nothing was changed.';

/** How a run that ended with an error is recorded: the outcome for the ledger, and the failure. */
export interface FailedEnd {
  readonly outcome: 'cancelled' | 'failed';
  readonly type?: string;
  readonly message: string;
}

/**
 * Ends a run that threw `error`: `close` writes the end to the ledger, and the run fails with the type of its activity.
 * An error that is no failure of Temporal is a bug in workflow code. It is thrown as it is, which fails only the workflow
 * task: Temporal repeats the task until a fix is deployed, and then the run continues where it was.
 */
export async function failRun(error: unknown, close: (end: FailedEnd) => Promise<void>): Promise<never> {
  if (!(error instanceof TemporalFailure)) throw error;
  try {
    await CancellationScope.nonCancellable(() => close(endedBy(error)));
  } catch (unclosed) {
    // If the ledger cannot be closed, the log and the history say why. The run must still end with its own failure.
    if (!(unclosed instanceof ActivityFailure)) throw unclosed;
  }
  throw asRunFailure(error);
}

/** The same for a run whose `begin` failed or was cancelled. Runs of older versions closed the ledger only when cancelled. */
export async function failBegin(error: unknown, close: (end: FailedEnd) => Promise<void>): Promise<never> {
  const isClosed = isCancellation(error) || patched('close-after-failed-begin');
  return failRun(error, isClosed ? close : () => Promise.resolve());
}

/** The outcome of a run that ended with an error. */
export function endedBy(error: unknown): FailedEnd {
  const type = failureType(error);
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return {
    outcome: isCancellation(error) ? 'cancelled' : 'failed',
    ...(type !== undefined && { type }),
    message: (cause as Error).message,
  };
}

function failureType(error: unknown): string | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof ApplicationFailure ? (cause.type ?? undefined) : undefined;
}

/** The failure of an activity that concerns one release only; undefined for every other error. */
export function releaseFailure(
  error: unknown,
): { readonly type: string; readonly message: string } | undefined {
  const { type, message } = endedBy(error);
  return type !== undefined && releaseFailures.has(type) ? { type, message } : undefined;
}

/** Puts the type of the activity's failure at the top, where the Web UI, alerts and the command line look for it. */
function asRunFailure(error: unknown): unknown {
  const type = failureType(error);
  if (type === undefined || !(error instanceof ActivityFailure)) return error;
  return failureOf(type, error.cause?.message ?? error.message, error);
}
