import {
  ScheduleOverlapPolicy,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  type Client,
  type ScheduleDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { weeklySchedules, type Job } from '../contract/schedules.ts';
import { taskQueues } from '../contract/task-queues.ts';
import type { RunInput } from '../contract/workflows.ts';
import { CommandError, exitCodes } from './exit.ts';
import { describeSchedule } from './schedules.ts';

const startPatienceMs = 15_000;

/**
 * Fires the schedule of a job now, with SKIP, and gives the run that it started.
 * @throws CommandError when there is no schedule, or a run that it started before still works
 */
export async function triggerSchedule(client: Client, job: Job): Promise<WorkflowHandle> {
  const before = await existingSchedule(client, job);
  const running = before.info.runningActions.at(-1)?.workflow;
  if (running) throw alreadyRunning(job, running.workflowId);
  await client.schedule.getHandle(job).trigger(ScheduleOverlapPolicy.SKIP);
  const known = new Set(before.info.recentActions.map(({ action }) => action.workflow.firstExecutionRunId));
  const until = Date.now() + startPatienceMs;
  // A trigger is answered before its run is started, and says nothing when it is skipped.
  while (Date.now() < until) {
    const { info } = await existingSchedule(client, job);
    const started = info.recentActions.find(({ action }) => !known.has(action.workflow.firstExecutionRunId));
    if (started) {
      const { workflowId, firstExecutionRunId } = started.action.workflow;
      return client.workflow.getHandle(workflowId, firstExecutionRunId);
    }
    if (info.numActionsSkippedOverlap > before.info.numActionsSkippedOverlap) throw alreadyRunning(job, job);
    await sleep(50);
  }
  throw new CommandError(
    exitCodes.unreachable,
    `Temporal took the trigger of ${job} and started no run in ${startPatienceMs / 1000} s: see the Web UI.`,
  );
}

/**
 * Starts a job with arguments, which a schedule cannot pass on, as `<job>-manual`.
 * @throws CommandError when such a run works already
 */
export async function startManually(client: Client, job: Job, input: RunInput): Promise<WorkflowHandle> {
  const { workflowType, summary } = weeklySchedules[job];
  const workflowId = `${job}-manual`;
  const handle = await startOnce(client, { workflowId, workflowType, summary, input });
  if (handle) return handle;
  throw alreadyRunning(job, workflowId);
}

/**
 * Starts the workflow that takes a case update back, one at a time for each.
 * @throws CommandError when it is being taken back already
 */
export async function startUndo(client: Client, undoes: string): Promise<WorkflowHandle> {
  const workflowId = `case-undo-${undoes}`;
  const summary = `Brings back the cases that the run ${undoes} moved`;
  const handle = await startOnce(client, {
    workflowId,
    workflowType: 'caseUndo',
    summary,
    input: { undoes },
  });
  if (handle) return handle;
  throw new CommandError(
    exitCodes.alreadyRunning,
    `The run ${undoes} is being undone already (${workflowId}).`,
  );
}

interface Start {
  readonly workflowId: string;
  readonly workflowType: string;
  readonly summary: string;
  readonly input: RunInput;
}

/** Nothing while a workflow of this id runs. */
async function startOnce(
  client: Client,
  { workflowId, workflowType, summary, input }: Start,
): Promise<WorkflowHandle | undefined> {
  try {
    return await client.workflow.start(workflowType, {
      workflowId,
      taskQueue: taskQueues.main,
      args: [input],
      staticSummary: summary,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}

/** The run of a job that works now: one that its schedule started, or the manual one. */
export async function runningRun(client: Client, job: Job): Promise<WorkflowHandle | undefined> {
  const { workflowType } = weeklySchedules[job];
  const query = `WorkflowType = '${workflowType}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    return client.workflow.getHandle(workflowId, runId);
  }
  return undefined;
}

async function existingSchedule(client: Client, job: Job): Promise<ScheduleDescription> {
  const found = await describeSchedule(client, job);
  if (found) return found;
  throw new CommandError(
    exitCodes.usage,
    `There is no schedule ${job}: \`surgicase schedules apply\` creates it.`,
  );
}

function alreadyRunning(job: Job, workflowId: string): CommandError {
  return new CommandError(
    exitCodes.alreadyRunning,
    `${job} is at work already (${workflowId}): \`surgicase run ${job} --attach\` follows it.`,
  );
}
