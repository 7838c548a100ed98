import { WorkflowFailedError, type Client, type ScheduleDescription } from '@temporalio/client';
import { jobs, weeklySchedules, type Job } from '../../contract/schedules.ts';
import { failureOf } from '../follow.ts';
import { describeSchedule, offNote } from '../schedules.ts';
import { pausedUntil } from '../timed-pause.ts';
import { isLoadWorkerPolling, isWorkerOnThisHost, isWorkflowWorkerPolling } from '../workers.ts';
import { openRuns, type OpenRun } from './open-runs.ts';

/** What Temporal knows about this service. Times are ISO, UTC. */
export interface TemporalStatus {
  /** A worker polls both task queues. */
  readonly isWorkerPolling: boolean;
  /** A worker runs on this host. */
  readonly isWorkerHere: boolean;
  readonly schedules: readonly ScheduleStatus[];
  readonly openRuns: readonly OpenRun[];
  readonly failedRuns: readonly FailedRun[];
}

/** The last run of a job that did not complete, whether or not it reached the ledger. */
export interface FailedRun {
  readonly job: Job;
  readonly workflowId: string;
  readonly runId: string;
  readonly status: string;
  /** ISO, UTC. */
  readonly endedAt: string;
  readonly failureType: string;
  readonly message: string;
}

export interface ScheduleStatus {
  readonly job: Job;
  /** `missing`: `schedules apply` was never run; `off`: by configuration. */
  readonly state: 'active' | 'paused' | 'off' | 'missing';
  readonly note?: string;
  /** When the pause ends by itself. */
  readonly pausedUntil?: string;
  readonly nextAt?: string;
  /** Since when the schedule can have fired: its last change, or the end of a pause. */
  readonly activeSince?: string;
  /** The longest time between two of the next firings. */
  readonly intervalMs?: number;
}

/** Asks Temporal for workers, schedules and open runs. */
export async function temporalStatus(client: Client): Promise<TemporalStatus> {
  const polled = await Promise.all([isWorkflowWorkerPolling(client), isLoadWorkerPolling(client)]);
  const isWorkerPolling = polled.every(Boolean);
  const schedules = await Promise.all(jobs.map((job) => scheduleStatus(client, job)));
  const failed = await Promise.all(jobs.map((job) => lastFailedRun(client, job)));
  const failedRuns = failed.filter((run) => run !== undefined);
  return {
    isWorkerPolling,
    isWorkerHere: await isWorkerOnThisHost(client),
    schedules,
    openRuns: await openRuns(client, isWorkerPolling),
    failedRuns,
  };
}

const statusWords: Readonly<Record<string, string>> = { TERMINATED: 'terminated', TIMED_OUT: 'timed out' };

/** Temporal lists the runs that ended last first. */
async function lastFailedRun(client: Client, job: Job): Promise<FailedRun | undefined> {
  const { workflowType } = weeklySchedules[job];
  const query = `WorkflowType = '${workflowType}' AND ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')`;
  for await (const { workflowId, runId, status, closeTime } of client.workflow.list({ query, pageSize: 1 })) {
    const endedAt = (closeTime ?? new Date()).toISOString();
    const failed: unknown = await client.workflow
      .getHandle(workflowId, runId, { firstExecutionRunId: runId })
      .result()
      .catch((error: unknown) => error);
    const why = failureOf(failed instanceof WorkflowFailedError ? failed.cause : undefined);
    return { job, workflowId, runId, status: statusWords[status.name] ?? 'failed', endedAt, ...why };
  }
  return undefined;
}

async function scheduleStatus(client: Client, job: Job): Promise<ScheduleStatus> {
  const found = await describeSchedule(client, job);
  if (!found) return { job, state: 'missing' };
  const { paused: isPaused, note } = found.state;
  const until = pausedUntil(found)?.toISOString();
  const next = found.info.nextActionTimes[0]?.toISOString();
  const intervalMs = longestInterval(found.info.nextActionTimes);
  return {
    job,
    state: isPaused && note === offNote ? 'off' : isPaused || until !== undefined ? 'paused' : 'active',
    ...(note && { note }),
    ...(until !== undefined && { pausedUntil: until }),
    ...(!isPaused && next !== undefined && { nextAt: next }),
    activeSince: activeSince(found).toISOString(),
    ...(intervalMs > 0 && { intervalMs }),
  };
}

function activeSince({ info, spec }: ScheduleDescription): Date {
  const times = [info.createdAt, info.lastUpdatedAt, spec.startAt].map((time) => time?.getTime() ?? 0);
  return new Date(Math.max(...times));
}

function longestInterval(times: readonly Date[]): number {
  return Math.max(0, ...times.slice(1).map((time, i) => time.getTime() - (times[i]?.getTime() ?? 0)));
}
