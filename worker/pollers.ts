import type { Client } from '@temporalio/client';

// A worker repeats its poll at least every 60 s. The server lists a poller for five minutes after its last poll.
const pollMaxMs = 75_000;

const taskTypes = { workflow: 1, activity: 2 } as const;

/** The identities of the workers that poll a task queue now, sorted. */
export async function pollersOf(
  { workflowService, options }: Pick<Client, 'workflowService' | 'options'>,
  name: string,
  type: keyof typeof taskTypes,
): Promise<string[]> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace: options.namespace,
    taskQueue: { name },
    taskQueueType: taskTypes[type],
  });
  return (pollers ?? [])
    .filter(({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < pollMaxMs)
    .map(({ identity }) => identity ?? '')
    .sort();
}
