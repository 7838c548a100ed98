import { Context } from '@temporalio/activity';
import type { Heartbeat } from '../contract/activities.ts';
import { activityStateSignal, type ActivityState } from '../contract/workflows.ts';
import type { Log } from '../telemetry/log.ts';

const signalPatienceMs = 5000;
const firstAfterMs = 10_000;
const longestMs = 5 * 60_000;

/** Tells the run how its activity is doing, so that its details in the Web UI show it. */
export interface RunDetails {
  /** Call it every second with the current progress. Each signal is an event of the history, so they become rarer. */
  progress(now: Heartbeat): void;
  /** Temporal does not tell a workflow that its activity is retried. */
  failed(
    now: Heartbeat,
    failure: { readonly message: string; readonly nextRetryDelay?: unknown },
  ): Promise<void>;
}

/** For one attempt. A second or later attempt replaces at once what the one before said about its failure. */
export function runDetails(log: Log): RunDetails {
  const { info } = Context.current();
  let pauseMs = firstAfterMs;
  let nextAt = performance.now() + (info.attempt > 1 ? 0 : pauseMs);
  return {
    progress(now) {
      if (performance.now() < nextAt) return;
      void send(log, { progress: now });
      nextAt = performance.now() + pauseMs;
      pauseMs = Math.min(2 * pauseMs, longestMs);
    },
    async failed(now, { message, nextRetryDelay }) {
      if (nextRetryDelay === undefined || nextRetryDelay === null) return;
      const nextTryAt = new Date(Date.now() + Number(nextRetryDelay)).toISOString();
      await send(log, { progress: now, reason: message, nextTryAt });
    },
  };
}

async function send(log: Log, said: Omit<ActivityState, 'runId' | 'attempt'>): Promise<void> {
  const { client, info } = Context.current();
  if (!info.workflowExecution) return;
  const { workflowId, runId } = info.workflowExecution;
  const state: ActivityState = { runId, attempt: info.attempt, ...said };
  await client
    .withAbortSignal(AbortSignal.timeout(signalPatienceMs), () =>
      client.workflow.getHandle(workflowId, runId).signal(activityStateSignal, state),
    )
    .catch((error: unknown) =>
      log.warn('could not show in the run how its activity is doing', { reason: (error as Error).message }),
    );
}
