import {
  ScheduleOverlapPolicy,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowNotFoundError,
  type Client,
  type ScheduleDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { weeklySchedules, type Job } from '../contract/schedules.ts';
import { taskQueues } from '../contract/task-queues.ts';
import type { RunInput } from '../contract/workflows.ts';
import type { Person } from './decided-by.ts';
import { CommandError, exitCodes } from './exit.ts';
import { describeSchedule, runTimeoutMs } from './schedules.ts';

const startPatienceMs = 15_000;

/**
 * Triggers the schedule of a job now, with overlap policy SKIP, and returns the run that it started.
 * @throws CommandError when there is no schedule, or an earlier run of it is still running
 */
export async function triggerSchedule(client: Client, job: Job): Promise<WorkflowHandle> {
  const before = await existingSchedule(client, job);
  const running = before.info.runningActions.at(-1)?.workflow;
  if (running) throw alreadyRunning(job, running.workflowId);
  await client.schedule.getHandle(job).trigger(ScheduleOverlapPolicy.SKIP);
  const known = new Set(before.info.recentActions.map(({ action }) => action.workflow.firstExecutionRunId));
  const until = Date.now() + startPatienceMs;
  // Temporal answers a trigger before it starts the run, and does not report a skipped trigger.
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
    `Temporal accepted the trigger of ${job} but started no run within ${startPatienceMs / 1000} s. Check the schedule in the Web UI.`,
  );
}

/**
 * Starts a job with arguments as `<job>-manual`; a schedule cannot pass arguments.
 * @throws CommandError when a manual run of the job is already running
 */
export async function startManually(client: Client, job: Job, input: RunInput): Promise<WorkflowHandle> {
  const { workflowType, summary } = weeklySchedules[job];
  const workflowId = `${job}-manual`;
  const handle = await startOnce(client, { workflowId, workflowType, summary, input });
  if (handle) return handle;
  throw alreadyRunning(job, workflowId);
}

/**
 * Starts the workflow that undoes a case update.
 * @throws CommandError when the undo of this update is already running
 */
export async function startUndo(client: Client, undoes: string, person: Person): Promise<WorkflowHandle> {
  const workflowId = `case-undo-${undoes}`;
  const summary = `Reverts the cases that run ${undoes} moved`;
  const handle = await startOnce(client, {
    workflowId,
    workflowType: 'caseUndo',
    summary,
    input: { undoes, ...person },
  });
  if (handle) return handle;
  throw new CommandError(
    exitCodes.alreadyRunning,
    `The undo of run ${undoes} is already running (${workflowId}).`,
  );
}

interface Start {
  readonly workflowId: string;
  readonly workflowType: string;
  readonly summary: string;
  readonly input: RunInput;
}

/** Undefined when a workflow with this id is running. */
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
      workflowExecutionTimeout: runTimeoutMs,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}

/**
 * The open run of a job, started by its schedule or by hand; undefined when there is none. Temporal's list learns of a run
 * about a second after its start, so the ids that the commands use are asked first.
 */
export async function runningRun(client: Client, job: Job): Promise<WorkflowHandle | undefined> {
  const manual = client.workflow.getHandle(`${job}-manual`);
  const scheduled = (await describeSchedule(client, job))?.info.runningActions.at(-1)?.workflow.workflowId;
  const handles = [manual, ...(scheduled === undefined ? [] : [client.workflow.getHandle(scheduled)])];
  for (const handle of handles) {
    const open = await openRunOf(client, handle);
    if (open) return open;
  }
  const { workflowType } = weeklySchedules[job];
  const query = `WorkflowType = '${workflowType}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    return client.workflow.getHandle(workflowId, runId);
  }
  return undefined;
}

async function openRunOf(client: Client, handle: WorkflowHandle): Promise<WorkflowHandle | undefined> {
  try {
    const { workflowId, runId, status } = await handle.describe();
    return status.name === 'RUNNING' ? client.workflow.getHandle(workflowId, runId) : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

async function existingSchedule(client: Client, job: Job): Promise<ScheduleDescription> {
  const found = await describeSchedule(client, job);
  if (found) return found;
  throw new CommandError(
    exitCodes.usage,
    `There is no schedule ${job}. \`surgicase schedules apply\` creates it.`,
  );
}

function alreadyRunning(job: Job, workflowId: string): CommandError {
  return new CommandError(
    exitCodes.alreadyRunning,
    `${job} is already running (${workflowId}). \`surgicase run ${job} --attach\` follows it.`,
  );
}
