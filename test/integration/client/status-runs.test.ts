import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { temporalStatus } from '../../../client/status/temporal.ts';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';

const name = 'status-runs';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('status_runs', { TEMPORAL_NAMESPACE: name }, { hasWorker: false });
});
afterAll(() => pipeline.stop());

const opened = async () => (await temporalStatus(pipeline.client)).openRuns[0];
const patient = { timeout: 60_000 };

it('shows what open runs really do: they retry, are paused in Temporal, or wait for an approval', async () => {
  const worker = await pipeline.startWorker();
  pipeline.page.intercept = (_, response) => {
    response.writeHead(503).end();
    return true;
  };
  const failing = await pipeline.start();
  const attempt = async () => (await opened())?.activity?.attempt ?? 0;
  await expect.poll(attempt, patient).toBeGreaterThanOrEqual(2);
  const retrying = await surgicase(['status'], pipeline.env);
  expect(retrying.code).toBe(1);
  expect(retrying.out).toMatch(
    new RegExp(
      `wrong(.*\\n)* +${failing.workflowId} is only retrying: discover, attempt \\d+: PageUnreachable: `,
    ),
  );
  expect(retrying.out).toMatch(/ retrying: discover, attempt \d+: PageUnreachable: .*503.*\n +open for /);

  const { runId } = await failing.describe();
  const activityId = (await opened())?.activity?.id ?? '';
  const server = `--address ${inject('temporalAddress')} --namespace ${name}`;
  const target = `--workflow-id ${failing.workflowId} --run-id ${runId} --activity-id ${activityId}`;
  const temporal = (command: string) =>
    promisify(execFile)(inject('temporalCli'), `activity ${command} ${server}`.split(' '));
  await temporal(`pause ${target} --reason planted`);
  await expect.poll(async () => (await opened())?.state, patient).toBe('paused');
  const paused = await surgicase(['status', '--check'], pipeline.env);
  expect(paused).toMatchObject({ code: 1, out: expect.stringContaining('is paused in Temporal') });
  const page = await surgicase(['status'], pipeline.env);
  const [, unpause = ''] = /paused in Temporal .*: `temporal activity (unpause .*)`/.exec(page.out) ?? [];
  await temporal(unpause);
  await expect.poll(async () => (await opened())?.state, patient).toBe('retrying');
  await failing.terminate('planted by a test');

  await writeCases(pipeline, casesOf(10, 3));
  const waiting = await pipeline.startCases('pending-payment-update', { limit: 1 });
  await expect.poll(async () => (await opened())?.state, patient).toBe('approval');
  await worker.stop();
  const unserved = await surgicase(['status'], pipeline.env);
  expect(unserved.out).toContain(`${waiting.workflowId} waiting for approval: \`surgicase runs approve`);
  expect(unserved.out).toMatch(
    /npi-update\n +recent +F\n +last +none\n +terminated +.*Terminated\n.*planted by a test\n/,
  );
  await waiting.terminate();
});
