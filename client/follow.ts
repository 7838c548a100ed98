import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { WorkflowFailedError, type Client, type WorkflowHandle } from '@temporalio/client';
import { progressQuery, type RunProgress, type RunResult } from '../contract/workflows.ts';
import { isAway, untilBack } from './away.ts';
import { pendingActivity, type PendingActivity } from './pending-activity.ts';
import { isWorkflowWorkerPolling } from './workers.ts';

/** A run at this moment: the progress of its workflow, and its activity with the last heartbeat. */
export interface RunSnapshot {
  readonly progress: RunProgress;
  /** The activity that the run waits for. */
  readonly activity?: PendingActivity;
}

/** How a run ended. `failureType` is one of contract/failures.ts when the pipeline itself failed. */
export type RunEnd =
  | { readonly isDone: true; readonly result: RunResult }
  | { readonly isDone: false; readonly failureType: string; readonly message: string };

const pollMs = 300;

/**
 * Follows a run to its end, also across an outage of Temporal of up to two minutes. Calls `on.snapshot` a few times a second,
 * and `on.waiting` once when no worker is running.
 * @throws CommandError when Temporal stays away for longer; the run continues
 */
export async function follow(
  client: Client,
  handle: WorkflowHandle,
  on: { snapshot(snapshot: RunSnapshot): void; waiting(): void },
): Promise<RunEnd> {
  const end = endOf(client, handle);
  const ended = end.then(
    () => true,
    () => true,
  );
  if (!(await isPolling(client))) on.waiting();
  for (;;) {
    const snapshot = await snapshotOf(client, handle);
    if (await Promise.race([ended, sleep(pollMs, false)])) return end;
    if (snapshot !== undefined) on.snapshot(snapshot);
  }
}

/** True also while Temporal cannot say it. */
function isPolling(client: Client): Promise<boolean> {
  return isWorkflowWorkerPolling(client).catch((error: unknown) => {
    if (isAway(error)) return true;
    throw error;
  });
}

async function endOf(client: Client, handle: WorkflowHandle): Promise<RunEnd> {
  for (;;) {
    try {
      return { isDone: true, result: (await handle.result()) as RunResult };
    } catch (error) {
      if (error instanceof WorkflowFailedError) return { isDone: false, ...failureOf(error.cause) };
      if (!isAway(error)) throw error;
      await untilBack(client, handle);
    }
  }
}

/** The type and the message with which a run ended. */
export function failureOf(cause: Error | undefined): { failureType: string; message: string } {
  if (cause instanceof ApplicationFailure)
    return { failureType: cause.type ?? 'Error', message: cause.message };
  if (cause instanceof CancelledFailure)
    return { failureType: 'Cancelled', message: 'The run was canceled.' };
  if (cause instanceof TerminatedFailure)
    return { failureType: 'Terminated', message: `The run was terminated: ${cause.message}` };
  if (cause instanceof TimeoutFailure) return { failureType: 'TimedOut', message: cause.message };
  const inner = cause?.cause;
  return { failureType: 'Error', message: (inner instanceof Error ? inner : cause)?.message ?? 'unknown' };
}

const patienceMs = 2000;

/**
 * Undefined while no worker answers, because a query waits for a worker. Both requests have ended when this returns:
 * Temporal's client keeps repeating an open one, and that would crash the process when the connection is closed.
 */
async function snapshotOf(client: Client, handle: WorkflowHandle): Promise<RunSnapshot | undefined> {
  const [progress, described] = await client.withDeadline(Date.now() + patienceMs, () =>
    Promise.allSettled([handle.query<RunProgress>(progressQuery), handle.describe()]),
  );
  if (progress.status === 'rejected' || described.status === 'rejected') return undefined;
  const activity = pendingActivity(described.value);
  return { progress: progress.value, ...(activity && { activity }) };
}
