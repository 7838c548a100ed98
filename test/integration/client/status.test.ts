import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { isWorkflowWorkerPolling } from '../../../client/workers.ts';
import { taskQueues } from '../../../contract/task-queues.ts';
import { workflowCode } from '../../../worker/bundle.ts';
import { surgicase } from '../../bed/cli.ts';
import { openNamespace } from '../../bed/namespace.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npidataCsv, writeMonthly, writeWeekly } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'status';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
beforeEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const status = (env: NodeJS.ProcessEnv = {}, ...more: string[]) =>
  surgicase(['status', ...more], { ...pipeline.env, ...env });

const individuals = (count: number) =>
  Array.from({ length: count }, (_, i) => individual(i, 'SMITH', '09/01/2026'));

it('shows servers, last and next runs, and the registry on one page', async () => {
  const before = await status();
  expect(before.code).toBe(1);
  expect(before.out).toMatch(/\nwrong +pending-payment-update has no schedule\n/);
  expect(before.out).toMatch(/temporal +[\d.:]+, worker running/);
  expect(before.out).toMatch(/database +[\d.:]+, ready for loads/);
  expect(before.out).toMatch(/npi-update\n +last +none\n +next +never: `surgicase schedules apply`/);
  expect(before.out).toContain('Nothing has been loaded yet. Run `surgicase run npi-update`.');

  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv(individuals(3)));
  await pipeline.run();
  await surgicase(['schedules', 'apply'], pipeline.env);
  const why = ['--by', 'ana', '--reason', 'month end'];
  await surgicase(['schedules', 'pause', 'paid-update', ...why], pipeline.env);
  const { out } = await status({ LANG: 'en_US.UTF-8' });
  expect(out).toMatch(
    /npi-update\n +recent +✓\n +last +published in [\d.]+ s \(usually [\d.]+ s\), 20\d\d-.* UTC\n +temporal workflow show/,
  );
  expect(out).toMatch(
    /paid-update\n +last +none\n +next +paused by ana: month end: `surgicase schedules resume paid-update`/,
  );
  expect(out).toMatch(/data until +2026-09-13 \(\d+ days ago\)\n/);
  expect(out).toContain('✓ done, · nothing due');
  const check = await status({}, '--check');
  expect(check).toMatchObject({
    code: 1,
    out: expect.stringMatching(
      /^surgicase wrong: paid-update is paused by ana: month end \(nothing ends this pause\); the registry is \d+ days old\n$/,
    ),
  });
  // The page says the same, with plain letters outside of a UTF-8 locale. A pause with an end is not wrong.
  await surgicase(['schedules', 'pause', 'paid-update', '--for', '2d', ...why], pipeline.env);
  const plain = await status();
  expect(plain.code).toBe(1);
  expect(plain.out).toMatch(/wrong +the registry is \d+ days old\npending/);
  expect(plain.out).toMatch(
    /paid-update\n +last +none\n +next +20.* UTC, paused until 20.* UTC by ana: month end\n/,
  );
  expect(plain.out).toMatch(/recent +D\n/);
  for (const job of ['pending-payment-update', 'npi-update', 'paid-update'])
    await pipeline.client.schedule.getHandle(job).delete();
});

it('says that a worker is running only while both queues are polled', async () => {
  const namespace = 'status-half';
  const client = await openNamespace(inject('temporalAddress'), namespace);
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const half = await Worker.create({
    connection,
    namespace,
    taskQueue: taskQueues.main,
    workflowBundle: { code: await workflowCode() },
    activities: { begin: () => undefined },
  });
  const shown = await half.runUntil(async () => {
    await expect.poll(() => isWorkflowWorkerPolling(client), { timeout: 20_000 }).toBe(true);
    return status({ TEMPORAL_NAMESPACE: namespace });
  });
  await connection.close();
  await client.connection.close();
  expect(shown.out).toMatch(/temporal +.*no worker running: start one with `surgicase worker`/);
});

it('names the run that waits for approval, and the command that approves it', exhaustive, async () => {
  await writeMonthly(pipeline.site, 'September_2026', '20260913', individuals(10));
  await pipeline.run();
  await writeMonthly(pipeline.site, 'October_2026', '20261011', individuals(2));
  const handle = await pipeline.start({ replace: true });
  const shown = async () => (await status()).out;
  await expect.poll(shown, { timeout: 30_000 }).toContain('waiting for approval');
  const { runId } = await handle.describe();
  expect(await shown()).toContain(`surgicase runs approve ${runId}`);
  expect((await surgicase(['runs', 'reject', runId], pipeline.env)).code).toBe(0);
  await handle.result();
  expect(await shown()).toMatch(/npi-update\n +recent +D C\n +last +rejected/);
});

it('shows a run that failed before it reached the ledger, until a later run is in it', async () => {
  const refused = await pipeline.startWorkflow('paidUpdate', null);
  await expect(refused.result()).rejects.toThrow('Workflow execution failed');
  const { runId } = await refused.describe();
  const { out } = await status();
  expect(out).toMatch(
    new RegExp(
      `paid-update\\n +recent +F\\n +last +none\\n +failed +20.* UTC, not in the ledger: InputRefused\\n.*\\n.*#inputrefused\\n.*${runId}`,
    ),
  );
  const json = JSON.parse((await status({}, '--json')).out) as { database: { unrecorded: unknown } };
  expect(json.database.unrecorded).toMatchObject([
    { job: 'paid-update', runId, status: 'failed', failureType: 'InputRefused' },
  ]);
  await writeCases(pipeline, casesOf(15, 1));
  await pipeline.runCases('paid-update');
  expect((await status()).out).not.toContain('not in the ledger');
});

it('names the service that does not answer, shows the other one, and exits 3', exhaustive, async () => {
  const withoutDatabase = await status({ DATABASE_URL: 'mysql://root@127.0.0.1:9/nobody' });
  expect(withoutDatabase.code).toBe(3);
  expect(withoutDatabase.out).toMatch(/temporal +.*worker running/);
  expect(withoutDatabase.out).toMatch(/database +Could not reach MySQL/);
  const withoutTemporal = await status({ TEMPORAL_ADDRESS: '127.0.0.1:9' }, '--json');
  expect(withoutTemporal.code).toBe(3);
  expect(JSON.parse(withoutTemporal.out)).toMatchObject({
    temporal: { error: expect.stringContaining('does not answer') },
    database: { obstacles: [], registry: { gaps: [] } },
  });
});
