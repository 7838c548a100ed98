import { hostname } from 'node:os';
import type { Client } from '@temporalio/client';
import { taskQueues } from '../contract/task-queues.ts';
import { currentVersion, pollersOf } from '../worker/pollers.ts';

// An activity of ours sends a heartbeat every second.
const heartbeatMaxMs = 30_000;

/** Whether a worker takes workflows and short activities: one of the current version, if there is one. */
export async function isWorkflowWorkerPolling(client: Client): Promise<boolean> {
  // One request after the other: Temporal's client would repeat the second one after the first has failed, and that crashes
  // the process once the connection is closed.
  const version = await currentVersion(client);
  const workflows = await pollersOf(client, taskQueues.main, 'workflow', version);
  if (workflows.length === 0) return false;
  const activities = await pollersOf(client, taskQueues.main, 'activity', version);
  return activities.length > 0;
}

/** Whether a worker of this service runs on this host, by the identity that Temporal's SDK gives it: `<process>@<host>`. */
export async function isWorkerOnThisHost(client: Client): Promise<boolean> {
  const workers = await pollersOf(client, taskQueues.main, 'activity');
  return workers.some((identity) => identity.endsWith(`@${hostname()}`));
}

/**
 * Whether a worker takes loads. One load at a time fills the queue's only slot, and then nobody polls; so a load with a
 * fresh heartbeat counts too.
 */
export async function isLoadWorkerPolling(client: Client): Promise<boolean> {
  const pollers = await pollersOf(client, taskQueues.npi, 'activity');
  return pollers.length > 0 || isLoading(client);
}

async function isLoading(client: Client): Promise<boolean> {
  const query = "WorkflowType = 'npiUpdate' AND ExecutionStatus = 'Running'";
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    const beats = (raw.pendingActivities ?? []).map(({ lastHeartbeatTime }) =>
      Number(lastHeartbeatTime?.seconds ?? 0),
    );
    if (beats.some((seconds) => Date.now() - seconds * 1000 < heartbeatMaxMs)) return true;
  }
  return false;
}
