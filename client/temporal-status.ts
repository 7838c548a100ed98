import type { Client } from '@temporalio/client';
import { jobs, weeklySchedules, type Job } from '../contract/schedules.ts';
import { progressQuery, type RunProgress } from '../contract/workflows.ts';
import { describeSchedule } from './schedules.ts';
import { isLoadWorkerPolling, isWorkflowWorkerPolling } from './workers.ts';

/** An open run; `phase` is unknown while no worker answers. */
export interface OpenRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  readonly startedAt: string;
  readonly phase?: string;
}

/** What Temporal knows about this service. Times are ISO, UTC. */
export interface TemporalStatus {
  /** A worker polls both task queues. */
  readonly isWorkerPolling: boolean;
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
}

export interface ScheduleStatus {
  readonly job: Job;
  /** `missing`: `schedules apply` was never run. */
  readonly state: 'active' | 'paused' | 'missing';
  readonly note?: string;
  readonly nextAt?: string;
}

/** Asks Temporal for workers, schedules and open runs. */
export async function temporalStatus(client: Client): Promise<TemporalStatus> {
  const polled = await Promise.all([isWorkflowWorkerPolling(client), isLoadWorkerPolling(client)]);
  const isWorkerPolling = polled.every(Boolean);
  const schedules = await Promise.all(jobs.map((job) => scheduleStatus(client, job)));
  const failed = await Promise.all(jobs.map((job) => lastFailedRun(client, job)));
  const failedRuns = failed.filter((run) => run !== undefined);
  return { isWorkerPolling, schedules, openRuns: await openRuns(client), failedRuns };
}

const statusWords: Readonly<Record<string, string>> = { TERMINATED: 'terminated', TIMED_OUT: 'timed out' };

/** Temporal lists the runs that ended last first. */
async function lastFailedRun(client: Client, job: Job): Promise<FailedRun | undefined> {
  const { workflowType } = weeklySchedules[job];
  const query = `WorkflowType = '${workflowType}' AND ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')`;
  for await (const { workflowId, runId, status, closeTime } of client.workflow.list({ query, pageSize: 1 })) {
    const endedAt = (closeTime ?? new Date()).toISOString();
    return { job, workflowId, runId, status: statusWords[status.name] ?? 'failed', endedAt };
  }
  return undefined;
}

async function scheduleStatus(client: Client, job: Job): Promise<ScheduleStatus> {
  const found = await describeSchedule(client, job);
  if (!found) return { job, state: 'missing' };
  const { paused: isPaused, note } = found.state;
  if (isPaused) return { job, state: 'paused', ...(note && { note }) };
  const next = found.info.nextActionTimes[0]?.toISOString();
  return { job, state: 'active', ...(next !== undefined && { nextAt: next }) };
}

async function openRuns(client: Client): Promise<OpenRun[]> {
  const types = new Set([...jobs.map((job) => weeklySchedules[job].workflowType), 'caseUndo']);
  const names = Array.from(types, (type) => `'${type}'`).join(', ');
  const query = `WorkflowType IN (${names}) AND ExecutionStatus = 'Running'`;
  const runs: Promise<OpenRun>[] = [];
  for await (const { workflowId, runId, type, startTime } of client.workflow.list({ query })) {
    const run = { workflowId, runId, workflowType: type, startedAt: startTime.toISOString() };
    runs.push(phaseOf(client, run).then((phase) => ({ ...run, ...(phase !== undefined && { phase }) })));
  }
  return Promise.all(runs);
}

const patienceMs = 3000;

/** The phase of a run. A query waits for a worker, so it gets a deadline. */
async function phaseOf(
  client: Client,
  { workflowId, runId }: Pick<OpenRun, 'workflowId' | 'runId'>,
): Promise<string | undefined> {
  const handle = client.workflow.getHandle(workflowId, runId);
  try {
    const asked = () => handle.query<RunProgress>(progressQuery);
    return (await client.withDeadline(Date.now() + patienceMs, asked)).phase;
  } catch {
    // No worker answered in time, or the run has ended meanwhile.
    return undefined;
  }
}
