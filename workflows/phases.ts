import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { CaseActivities, NpiActivities } from '../contract/activities.ts';
import { taskQueues } from '../contract/task-queues.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** For `begin`, which returns the configured timeout, and for `finish`, which must work without it. */
export const firstHeartbeatTimeoutMs = 10_000;

function options(taskQueue: string, heartbeatTimeoutMs: number, scheduleToCloseMs: number): ActivityOptions {
  return {
    taskQueue,
    heartbeatTimeout: heartbeatTimeoutMs,
    startToCloseTimeout: Math.min(scheduleToCloseMs, 6 * hourMs),
    // Bounded by time and not by attempts, because every stop of a worker uses up an attempt.
    scheduleToCloseTimeout: scheduleToCloseMs,
    retry: { initialInterval: 1000, backoffCoefficient: 2, maximumInterval: minuteMs },
    // The default is TRY_CANCEL, with which the run would end while MySQL still rolls back the statement.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  };
}

/** Activities on the queue that stays free for short work. */
export function shortActivities(heartbeatTimeoutMs: number) {
  return proxyActivities<NpiActivities>(options(taskQueues.main, heartbeatTimeoutMs, 5 * minuteMs));
}

/** Select and move cases. The work is short; 12 hours leave time for an outage of the database. */
export function caseActivities(heartbeatTimeoutMs: number) {
  return proxyActivities<CaseActivities>(options(taskQueues.main, heartbeatTimeoutMs, 12 * hourMs));
}

/** Loads. Each worker runs one at a time; 12 hours are enough for a monthly. */
export function loadActivities(heartbeatTimeoutMs: number) {
  return proxyActivities<NpiActivities>(options(taskQueues.npi, heartbeatTimeoutMs, 12 * hourMs));
}

export type LoadActivities = ReturnType<typeof loadActivities>;
