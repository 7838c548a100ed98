import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import { closeDeadRuns } from '../activities/dead-runs.ts';
import { jobs, runTimeoutDays, weeklySchedules, type Job } from '../contract/schedules.ts';
import { taskQueues } from '../contract/task-queues.ts';
import type { Database } from '../db/connection/pool.ts';
import { otherLoader } from '../db/ledger/other-loader.ts';
import { longestRuns } from '../db/ledger/runs.ts';
import type { Schemas } from '../db/schema/tables.ts';
import type { Log } from '../telemetry/log.ts';
import type { Notify } from '../telemetry/notify.ts';
import { utcMinute } from '../telemetry/times.ts';
import { pollersOf } from './pollers.ts';

/** What a look needs. */
export interface WatchDeps {
  readonly client: Client;
  readonly database: Database;
  readonly schemas: Schemas;
  readonly notify: Notify;
  readonly log: Log;
  /** The identity of this worker. Of several workers, only the first by identity reports. */
  readonly identity: string;
}

const hourMs = 3_600_000;
const firstLookMs = 60_000;
const lookEveryMs = 10 * 60_000;

/** How long a run may be open before it counts as overdue: three times `longestSeconds`, that of the job's last good runs. */
export function overdueAfterMs(longestSeconds: number | undefined): number {
  return longestSeconds === undefined ? 12 * hourMs : Math.max(hourMs, 3 * longestSeconds * 1000);
}

/**
 * Reports what no run can report about itself: that it is open longer than usual, that its schedule skipped a firing
 * because of it, and that Temporal ended it, whose ledger entry is closed then; and that another program loads the registry.
 * Each call looks once, and reports each finding once.
 */
export function createWatch({
  client,
  database,
  schemas,
  notify,
  log,
  identity,
}: WatchDeps): () => Promise<void> {
  const reported = new Set<string>();
  const skippedCounts = new Map<Job, number>();
  const { signal } = new AbortController();

  const overdue = (job: Job, text: string, runId?: string) => {
    const run = { job, ...(runId !== undefined && { runId }) };
    log.warn(text, run);
    notify({ event: 'overdue', ...run, text });
  };

  async function lookForOldRuns(): Promise<void> {
    const longest = await database.session(signal, longestRuns);
    for (const job of jobs) {
      const limitMs = overdueAfterMs(longest.get(job));
      for await (const { runId, workflowId, startTime } of openRuns(client, job)) {
        if (Date.now() - startTime.getTime() < limitMs || reported.has(runId)) continue;
        reported.add(runId);
        overdue(
          job,
          `${workflowId} has been open since ${utcMinute(startTime.toISOString())}, longer than usual. ${advice}`,
          runId,
        );
      }
    }
  }

  async function lookForSkippedFirings(): Promise<void> {
    for (const job of jobs) {
      const count = await skippedCount(client, job);
      const before = skippedCounts.get(job) ?? count;
      skippedCounts.set(job, count);
      if (count > before)
        overdue(job, `${job}: the schedule skipped a run, because the one before is still open. ${advice}`);
    }
  }

  async function closeEndedRuns(): Promise<void> {
    await database.session(signal, async (session) => {
      for (const job of [...jobs, 'case-undo'] as const)
        await closeDeadRuns(session, job, { client, log, notify });
    });
  }

  async function lookForOtherLoaders(): Promise<void> {
    const text = await database.session(signal, (session) => otherLoader(session, schemas));
    if (text === undefined || reported.has(text)) return;
    reported.add(text);
    const job = 'npi-update';
    log.warn(text, { job });
    notify({ event: 'failure', job, text });
  }

  return async () => {
    const [first] = await pollersOf(client, taskQueues.main, 'workflow');
    if (first !== identity) return;
    await lookForSkippedFirings();
    await lookForOldRuns();
    await closeEndedRuns();
    await lookForOtherLoaders();
  };
}

const advice = `While it is open, its schedule starts no other run. \`surgicase status\` shows what it does; Temporal ends it after ${runTimeoutDays} days.`;

/** The open runs of a job, however they were started. */
function openRuns(client: Client, job: Job) {
  const { workflowType } = weeklySchedules[job];
  return client.workflow.list({ query: `WorkflowType = '${workflowType}' AND ExecutionStatus = 'Running'` });
}

async function skippedCount(client: Client, job: Job): Promise<number> {
  try {
    return (await client.schedule.getHandle(job).describe()).info.numActionsSkippedOverlap;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return 0;
    throw error;
  }
}

/** Looks a minute after the start and then every 10 minutes, until `stopping` fires. */
export async function watch(deps: WatchDeps, stopping: AbortSignal): Promise<void> {
  const look = createWatch(deps);
  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping, ref: false }).catch(() => undefined);
  await pause(firstLookMs);
  while (!stopping.aborted) {
    await look().catch(({ message }: Error) => {
      if (!stopping.aborted)
        deps.log.warn('could not look for overdue runs; the next look is in 10 minutes', { reason: message });
    });
    await pause(lookEveryMs);
  }
}
