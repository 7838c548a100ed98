import { WorkflowFailedError, WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { RunOutcome } from '../contract/activities.ts';
import type { RunResult } from '../contract/workflows.ts';

/** The end of a run, as the ledger keeps it. */
export interface RunEnded {
  readonly outcome: RunOutcome;
  readonly failureType?: string;
}

const endsByStatus: Readonly<Partial<Record<string, RunEnded>>> = {
  TERMINATED: { outcome: 'failed', failureType: 'Terminated' },
  TIMED_OUT: { outcome: 'failed', failureType: 'TimedOut' },
  CANCELLED: { outcome: 'cancelled' },
};

/** How Temporal says that a run has ended; undefined while it is open. A run whose history is gone counts as terminated. */
export async function endOf(handle: WorkflowHandle): Promise<RunEnded | undefined> {
  const status = await statusOf(handle);
  if (status === 'COMPLETED') return { outcome: ((await handle.result()) as RunResult).outcome };
  if (status === 'FAILED') return { outcome: 'failed', failureType: await failureType(handle) };
  return endsByStatus[status];
}

async function statusOf(handle: WorkflowHandle): Promise<string> {
  try {
    return (await handle.describe()).status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'TERMINATED';
    throw error;
  }
}

async function failureType(handle: WorkflowHandle): Promise<string> {
  const error: unknown = await handle.result().catch((failed: unknown) => failed);
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
  return (cause instanceof ApplicationFailure ? cause.type : undefined) ?? 'Unexpected';
}
