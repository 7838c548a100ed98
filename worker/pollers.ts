import type { Client } from '@temporalio/client';
import type { Config } from '../config/config.ts';
import { taskQueues } from '../contract/task-queues.ts';

// A worker repeats its poll at least every 60 s. The server lists a poller for five minutes after its last poll.
const pollMaxMs = 75_000;

const taskTypes = { workflow: 1, activity: 2 } as const;

type WorkerVersion = NonNullable<Config['workerVersion']>;

/** The version whose workers get the runs of this service; undefined when any worker without a version gets them. */
export async function currentVersion({
  workflowService,
  options,
}: Pick<Client, 'workflowService' | 'options'>): Promise<WorkerVersion | undefined> {
  const { versioningInfo } = await workflowService.describeTaskQueue({
    namespace: options.namespace,
    taskQueue: { name: taskQueues.main },
    taskQueueType: taskTypes.workflow,
  });
  const { deploymentName, buildId } = versioningInfo?.currentDeploymentVersion ?? {};
  return deploymentName && buildId ? { deploymentName, buildId } : undefined;
}

/** The identities of the workers that poll a task queue now, sorted; with `version`, only of this version. */
export async function pollersOf(
  { workflowService, options }: Pick<Client, 'workflowService' | 'options'>,
  name: string,
  type: keyof typeof taskTypes,
  version?: WorkerVersion,
): Promise<string[]> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace: options.namespace,
    taskQueue: { name },
    taskQueueType: taskTypes[type],
  });
  const { deploymentName, buildId } = version ?? {};
  return (pollers ?? [])
    .filter(
      ({ deploymentOptions: of }) =>
        !version || (of?.deploymentName === deploymentName && of?.buildId === buildId),
    )
    .filter(({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < pollMaxMs)
    .map(({ identity }) => identity ?? '')
    .sort();
}
