import type { Client } from '@temporalio/client';
import { taskQueues } from '../contract/task-queues.ts';

// TaskQueueType of Temporal's API.
const workflowTasks = 1;
const activityTasks = 2;

// A worker repeats its poll at least every 60 s. The server lists a poller for five minutes after its last poll.
const pollMaxMs = 75_000;
// An activity of ours sends a heartbeat every second.
const heartbeatMaxMs = 30_000;

/** Whether a worker takes workflows and short activities. */
export async function isWorkflowWorkerPolling(client: Client): Promise<boolean> {
  const polled = await Promise.all([
    hasPoller(client, taskQueues.main, workflowTasks),
    hasPoller(client, taskQueues.main, activityTasks),
  ]);
  return polled.every(Boolean);
}

/**
 * Whether a worker takes loads. One load at a time fills the queue's only slot, and then nobody polls; so a load with a
 * fresh heartbeat counts too.
 */
export async function isLoadWorkerPolling(client: Client): Promise<boolean> {
  return (await hasPoller(client, taskQueues.npi, activityTasks)) || (await isLoading(client));
}

async function hasPoller(
  { workflowService, options }: Client,
  name: string,
  taskQueueType: number,
): Promise<boolean> {
  const { namespace } = options;
  const { pollers } = await workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType,
  });
  return (pollers ?? []).some(({ lastAccessTime }) => isWithin(lastAccessTime, pollMaxMs));
}

async function isLoading(client: Client): Promise<boolean> {
  const query = "WorkflowType = 'npiUpdate' AND ExecutionStatus = 'Running'";
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    const activities = raw.pendingActivities ?? [];
    if (activities.some(({ lastHeartbeatTime }) => isWithin(lastHeartbeatTime, heartbeatMaxMs))) return true;
  }
  return false;
}

type Timestamp = { readonly seconds?: unknown } | null | undefined;

function isWithin(time: Timestamp, ms: number): boolean {
  return Date.now() - Number(time?.seconds ?? 0) * 1000 < ms;
}
