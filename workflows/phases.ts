import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { CaseActivities, NpiActivities } from '../contract/activities.ts';
import { taskQueues } from '../contract/task-queues.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Of the first activity, which brings the configured one. */
export const firstHeartbeatTimeoutMs = 10_000;

function options(taskQueue: string, heartbeatTimeoutMs: number, scheduleToCloseMs: number): ActivityOptions {
  return {
    taskQueue,
    heartbeatTimeout: heartbeatTimeoutMs,
    startToCloseTimeout: Math.min(scheduleToCloseMs, 6 * hourMs),
    // A worker that stops consumes an attempt, so the time is bounded and not their number.
    scheduleToCloseTimeout: scheduleToCloseMs,
    retry: { initialInterval: 1000, backoffCoefficient: 2, maximumInterval: minuteMs },
    // Unset it would be TRY_CANCEL: the run would end while the statement is still rolled back.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  };
}

/** Activities of the queue that stays free for short work. */
export function shortActivities(heartbeatTimeoutMs: number) {
  return proxyActivities<NpiActivities>(options(taskQueues.main, heartbeatTimeoutMs, 5 * minuteMs));
}

/** Selecting and moving cases: short work, and as long as the database is away. */
export function caseActivities(heartbeatTimeoutMs: number) {
  return proxyActivities<CaseActivities>(options(taskQueues.main, heartbeatTimeoutMs, 12 * hourMs));
}

/** The loads: one at a time a worker, for as long as a load may take. */
export function loadActivities(heartbeatTimeoutMs: number) {
  return proxyActivities<NpiActivities>(options(taskQueues.npi, heartbeatTimeoutMs, 12 * hourMs));
}

export type LoadActivities = ReturnType<typeof loadActivities>;
