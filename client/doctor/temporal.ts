import type { Client } from '@temporalio/client';
import type { Config } from '../../config/config.ts';
import { taskQueues } from '../../contract/task-queues.ts';
import { pollersOf } from '../../worker/pollers.ts';
import { isLoadWorkerPolling } from '../workers.ts';
import { ok, orOk, wrong, type Check, type Finding } from './check.ts';
import { temporalClock } from './clock.ts';
import { scheduleChecks } from './schedules.ts';
import { workerVersion } from './worker-version.ts';

/** What the checks of Temporal ask. */
export interface TemporalSubject {
  readonly config: Config;
  readonly client: Client;
}

/** What Temporal must offer once it answers. */
export const temporalChecks: readonly Check<TemporalSubject>[] = [
  { name: 'namespace', look: namespace },
  { name: 'workers', needs: ['namespace'], look: workers },
  { name: 'worker-version', needs: ['namespace', 'workers'], look: workerVersion },
  ...scheduleChecks,
  { name: 'temporal-clock', needs: ['namespace'], look: ({ client }) => temporalClock(client) },
];

const notFound = 5;

async function namespace({ client }: TemporalSubject): Promise<readonly Finding[]> {
  const { namespace: name } = client.options;
  try {
    await client.workflowService.describeNamespace({ namespace: name });
    return [ok(name)];
  } catch (error) {
    if ((error as { code?: unknown }).code !== notFound) throw error;
    return [
      wrong(
        `Temporal has no namespace ${name}.`,
        `Correct TEMPORAL_NAMESPACE, or create it: \`temporal operator namespace create --namespace ${name}\`.`,
      ),
    ];
  }
}

async function workers({ client }: TemporalSubject): Promise<readonly Finding[]> {
  const workflows = await pollersOf(client, taskQueues.main, 'workflow');
  const activities = await pollersOf(client, taskQueues.main, 'activity');
  const isLoading = await isLoadWorkerPolling(client);
  const unpolled = [
    ...(workflows.length === 0 ? [`${taskQueues.main} (workflows)`] : []),
    ...(activities.length === 0 ? [`${taskQueues.main} (activities)`] : []),
    ...(isLoading ? [] : [`${taskQueues.npi} (loads)`]),
  ];
  const start =
    'Start a worker with `surgicase worker`, with the same TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.';
  return orOk(
    unpolled.map((queue) => wrong(`No worker polls the task queue ${queue}.`, start)),
    workflows.join(', '),
  );
}
