import { ActivityFailure, ApplicationFailure, isCancellation, sleep } from '@temporalio/workflow';
import type { BeginInput, Begun } from '../contract/activities.ts';
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
    await sleep(leaseRetryMs);
  }
}

/** The outcome, for the ledger, of a run that ended with an error. */
export function endedBy(error: unknown): {
  readonly outcome: 'cancelled' | 'failed';
  readonly type?: string;
  readonly message: string;
} {
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

/** Puts the type of the activity's failure at the top, where the Web UI, alerts and the command line look for it. */
export function asRunFailure(error: unknown): unknown {
  const type = failureType(error);
  if (type === undefined || !(error instanceof ActivityFailure)) return error;
  return ApplicationFailure.create({
    type,
    message: error.cause?.message ?? error.message,
    nonRetryable: true,
    cause: error,
  });
}
