import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { taskQueues } from '../../../contract/task-queues.ts';
import { surgicase } from '../../bed/cli.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { makeCurrent, versionOf } from '../../bed/worker-version.ts';
import { startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';

const name = 'versions';
let pipeline: Pipeline;
const workers: WorkerProcess[] = [];
beforeAll(async () => {
  pipeline = await startPipeline(name, {}, { hasWorker: false });
});
afterAll(async () => {
  for (const { child } of workers) child.kill('SIGTERM');
  await Promise.all(workers.map(({ exit }) => exit));
  await pipeline.stop();
});

const startVersion = async (buildId: string) =>
  workers.push(await startWorkerProcess({ ...pipeline.env, ...versionOf(buildId) }));

async function versionOfRun(): Promise<string | undefined | null> {
  const handle = await pipeline.startCases('paid-update');
  await handle.result();
  const { raw } = await handle.describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
}

it('runs go to the current version: a rollout, and a rollback', async () => {
  await writeCases(pipeline, casesOf(15, 3));
  await startVersion('1');
  await makeCurrent(name, '1');
  expect(await versionOfRun()).toBe('1');
  await startVersion('2');
  await makeCurrent(name, '2');
  expect(await versionOfRun()).toBe('2');
  await makeCurrent(name, '1');
  expect(await versionOfRun()).toBe('1');
});

it('--replay-check does not start a worker that cannot continue the recent runs', exhaustive, async () => {
  const checked = await startWorkerProcess(pipeline.env, ['--replay-check']);
  expect(checked.lines()).toContain('recent runs replay on this build');
  checked.child.kill('SIGTERM');
  await checked.exit;
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const other = await Worker.create({
    connection,
    namespace: name,
    taskQueue: `${taskQueues.main}-other`,
    workflowsPath: fileURLToPath(new URL('../../generated/other-paid-update.ts', import.meta.url)),
  });
  await other.runUntil(
    pipeline.client.workflow.execute('paidUpdate', {
      workflowId: 'of another build',
      taskQueue: `${taskQueues.main}-other`,
    }),
  );
  await connection.close();
  const { code, err } = await surgicase(['worker', '--replay-check'], pipeline.env);
  expect(code).toBe(1);
  expect(err).toContain('so the worker does not start');
  expect(err).toContain('of another build');
});
