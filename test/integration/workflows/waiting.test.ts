import { fileURLToPath } from 'node:url';
import type { Client, WorkflowFailedError } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import type { CaseActivities, FinishInput, NpiActivities } from '../../../contract/activities.ts';
import { taskQueues } from '../../../contract/task-queues.ts';
import type { NpiUpdateResult } from '../../../contract/workflows.ts';
import { createLog } from '../../../telemetry/log.ts';
import { installRuntime } from '../../../worker/runtime.ts';
import { openNamespace } from '../../bed/namespace.ts';
import { exhaustive } from '../../bed/extent.ts';

// Runs the workflows on a real server. Their timers end at once, and the activities are plain functions.
const path = (module: string) => fileURLToPath(new URL(module, import.meta.url));
const namespace = 'patience';
const holder = 'another (run)';
const finished: FinishInput[] = [];
let begins = 0;
let isMoved = false;
let isLeaseFree = false;

const activities: Pick<NpiActivities & CaseActivities, 'begin' | 'finish' | 'selectCases' | 'moveCases'> = {
  begin: async () => {
    begins += 1;
    return isLeaseFree ? { acquired: true, heartbeatTimeoutMs: 1000 } : { acquired: false, holder };
  },
  finish: async (input) => void finished.push(input),
  selectCases: async () => ({ found: 101, leftForNextRun: 0, waitAbove: 100 }),
  moveCases: async () => {
    isMoved = true;
    return { updated: 101, exceptions: {} };
  },
};

let client: Client;
let connection: NativeConnection;
let worker: Worker;
let working: Promise<void>;
beforeAll(async () => {
  installRuntime(createLog({ level: 'error', format: 'json' }));
  client = await openNamespace(inject('temporalAddress'), namespace);
  connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: path('../../../workflows/index.ts'),
    workflowInterceptorModules: [path('../../bed/skip-time.ts')],
    logger: new DefaultLogger('ERROR'),
  });
  const taskQueue = taskQueues.main;
  worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle,
    activities,
    // A shared context freezes its clock.
    reuseV8Context: false,
  });
  working = worker.run();
});
beforeEach(() => {
  finished.length = 0;
  begins = 0;
  isLeaseFree = false;
});
afterAll(async () => {
  worker.shutdown();
  await working;
  await connection.close();
  await client.connection.close();
});

const start = (workflowType: string) =>
  client.workflow.start(workflowType, { workflowId: workflowType, taskQueue: taskQueues.main });
const failureOf = async (run: Promise<unknown>) =>
  run.catch((error: WorkflowFailedError) => error.cause as Error & { type?: string });

it(
  'a run is skipped after another run held the lease for 30 minutes, and not earlier',
  exhaustive,
  async () => {
    const result = (await (await start('npiUpdate')).result()) as NpiUpdateResult;
    expect(result).toMatchObject({ outcome: 'skipped', releases: [] });
    expect(result.remarks).toEqual([`Skipped: ${holder} held the lease for 30 minutes.`]);
    expect(result.seconds).toBeGreaterThanOrEqual(1800);
    expect(result.seconds).toBeLessThan(1860);
    // Every ten seconds, and once at the start: 181 times if the tries themselves took no time.
    expect(begins).toBeGreaterThan(150);
    expect(begins).toBeLessThanOrEqual(181);
    expect(finished).toMatchObject([{ outcome: 'skipped' }]);
  },
);

it('a run that nobody approves for 24 hours fails with ApprovalTimedOut and moves nothing', async () => {
  isLeaseFree = true;
  const failure = await failureOf((await start('pendingPaymentUpdate')).result());
  expect(failure).toMatchObject({ type: 'ApprovalTimedOut' });
  expect(failure).toHaveProperty(
    'message',
    expect.stringContaining('The move of 101 cases (the limit is 100) waited 24 hours'),
  );
  expect(isMoved).toBe(false);
  expect(finished).toMatchObject([{ outcome: 'failed', failureType: 'ApprovalTimedOut' }]);
});
