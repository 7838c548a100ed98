import type { Client, WorkflowExecutionDescription, WorkflowExecutionInfo } from '@temporalio/client';
import { jobs, weeklySchedules } from '../../contract/schedules.ts';
import { approvalPatienceMs, progressQuery, type RunProgress } from '../../contract/workflows.ts';
import { pendingActivity, type PendingActivity } from '../pending-activity.ts';

/**
 * What an open run does: `approval`: a person has to answer; `lease`: another run of the job works; `paused`: a person paused
 * its activity in Temporal; `retrying`: its activity fails; `stuck`: its workflow code fails; `unserved`: no worker runs.
 */
export type RunState = 'working' | 'approval' | 'lease' | 'paused' | 'retrying' | 'stuck' | 'unserved';

/** An open run. */
export interface OpenRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  /** ISO, UTC. */
  readonly startedAt: string;
  readonly state: RunState;
  /** Unknown while no worker answers. */
  readonly phase?: string;
  /** The activity that the run waits for. */
  readonly activity?: PendingActivity;
  /** How often its workflow task has failed; only for a stuck run. */
  readonly taskAttempt?: number;
}

/** The open runs of all jobs, however they were started. */
export async function openRuns(client: Client, isWorkerPolling: boolean): Promise<OpenRun[]> {
  const types = new Set([...jobs.map((job) => weeklySchedules[job].workflowType), 'caseUndo']);
  const names = Array.from(types, (type) => `'${type}'`).join(', ');
  const query = `WorkflowType IN (${names}) AND ExecutionStatus = 'Running'`;
  const runs: Promise<OpenRun>[] = [];
  for await (const listed of client.workflow.list({ query }))
    runs.push(openRun(client, listed, isWorkerPolling));
  return Promise.all(runs);
}

async function openRun(
  client: Client,
  { workflowId, runId, type, startTime }: WorkflowExecutionInfo,
  isWorkerPolling: boolean,
): Promise<OpenRun> {
  const found = await client.workflow.getHandle(workflowId, runId).describe();
  const phase = isWorkerPolling ? await phaseOf(client, found) : undefined;
  const activity = pendingActivity(found);
  const taskAttempt = found.raw.pendingWorkflowTask?.attempt ?? 1;
  const state = await stateOf(client, found, { phase, isWorkerPolling });
  return {
    workflowId,
    runId,
    workflowType: type,
    startedAt: startTime.toISOString(),
    state,
    ...(phase !== undefined && { phase }),
    ...(activity && { activity }),
    ...(state === 'stuck' && { taskAttempt }),
  };
}

// A workflow task also fails once when a worker ends in the middle of it.
const stuckAttempts = 3;

async function stateOf(
  client: Client,
  found: WorkflowExecutionDescription,
  { phase, isWorkerPolling }: { readonly phase: string | undefined; readonly isWorkerPolling: boolean },
): Promise<RunState> {
  const activity = pendingActivity(found);
  if (activity?.state === 'paused') return 'paused';
  if ((found.raw.pendingWorkflowTask?.attempt ?? 1) >= stuckAttempts) return 'stuck';
  if (phase === 'approval') return 'approval';
  // A query needs a worker; the history does not.
  if (phase === undefined && !activity && (await waitsForApproval(client, found))) return 'approval';
  if (!isWorkerPolling) return 'unserved';
  if (activity?.state === 'retrying') return 'retrying';
  return phase === 'waiting' ? 'lease' : 'working';
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

const newestEvents = 30;

/** Whether the last thing that a run did was to start the timer of an approval. */
async function waitsForApproval(
  { workflowService, options }: Client,
  { workflowId, runId }: Pick<OpenRun, 'workflowId' | 'runId'>,
): Promise<boolean> {
  const { history } = await workflowService.getWorkflowExecutionHistoryReverse({
    namespace: options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: newestEvents,
  });
  const last = history?.events?.find(
    (event) =>
      event.timerStartedEventAttributes ??
      event.timerFiredEventAttributes ??
      event.timerCanceledEventAttributes ??
      event.activityTaskScheduledEventAttributes ??
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes,
  );
  const seconds = last?.timerStartedEventAttributes?.startToFireTimeout?.seconds;
  return Number(seconds ?? 0) * 1000 === approvalPatienceMs;
}
