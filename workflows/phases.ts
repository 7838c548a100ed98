import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { CaseActivities, NpiActivities } from '../contract/activities.ts';
import { taskQueues } from '../contract/task-queues.ts';

const hourMs = 3_600_000;

/** For `begin`, which returns the configured timeout, and for `finish`, which must work without it. */
export const firstHeartbeatTimeoutMs = 10_000;

function options(taskQueue: string, heartbeatTimeoutMs: number): ActivityOptions {
  return {
    taskQueue,
    heartbeatTimeout: heartbeatTimeoutMs,
    startToCloseTimeout: 6 * hourMs,
    // Enough for a monthly, and for a night without the database or the page. Bounded by time and not by attempts, because
    // every stop of a worker uses up an attempt.
    scheduleToCloseTimeout: 12 * hourMs,
    // Only after the death of a worker. After an error, the failure itself says when to try again (activities/failure.ts).
    retry: { initialInterval: 1000, backoffCoefficient: 2, maximumInterval: 60_000 },
    // The default is TRY_CANCEL, with which the run would end while MySQL still rolls back the statement.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  };
}

/** Begin, discover and finish, on the queue that stays free for short work. */
export function shortActivities(heartbeatTimeoutMs: number) {
  return proxyActivities<NpiActivities>(options(taskQueues.main, heartbeatTimeoutMs));
}

/** Select and move cases, on the same queue. */
export function caseActivities(heartbeatTimeoutMs: number) {
  return proxyActivities<CaseActivities>(options(taskQueues.main, heartbeatTimeoutMs));
}

/** Loads. Each worker runs one at a time. */
export function loadActivities(heartbeatTimeoutMs: number) {
  return proxyActivities<NpiActivities>(options(taskQueues.npi, heartbeatTimeoutMs));
}

export type LoadActivities = ReturnType<typeof loadActivities>;
