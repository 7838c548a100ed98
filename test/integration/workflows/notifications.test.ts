import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { casesOf, writeCases } from '../../generated/cases.ts';
import { individual, writeMonthly } from '../../generated/release-zip.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'notices';
const notices: { event: string; job: string; runId: string; text: string }[] = [];
let pings = 0;
let webhook: Server;
let pipeline: Pipeline;
beforeAll(async () => {
  webhook = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      if (request.url === '/hook') notices.push(JSON.parse(body) as never);
      else pings += 1;
      response.end();
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}`;
  pipeline = await startPipeline(name, {
    NOTIFY_WEBHOOK_URL: `${address}/hook`,
    NOTIFY_ON: 'failure,waiting,overdue,success',
    HEARTBEAT_URL: `${address}/ping`,
  });
});
afterAll(async () => {
  await pipeline.stop();
  webhook.close();
});
beforeEach(async () => {
  await pipeline.reset();
  notices.length = 0;
  pings = 0;
});

const phaseOf = async (handle: WorkflowHandle) => (await handle.query<{ phase: string }>('progress')).phase;

it('a failure names the run, the type and what to do', async () => {
  const handle = await pipeline.start();
  await expect(handle.result()).rejects.toThrow('Workflow execution failed');
  const { runId } = await handle.describe();
  await expect
    .poll(() => notices)
    .toEqual([
      {
        event: 'failure',
        job: 'npi-update',
        runId,
        text: expect.stringMatching(/npi-update failed: PageWithoutLinks\. .*Open the page/),
      },
    ]);
  expect(pings).toBe(0);
});

it('a failure of begin is told even when the ledger cannot take it', async () => {
  await pipeline.query('RENAME TABLE run TO away');
  try {
    await expect(pipeline.run()).rejects.toThrow('Workflow execution failed');
  } finally {
    await pipeline.query('RENAME TABLE away TO run');
  }
  await expect
    .poll(() => notices)
    .toEqual([
      expect.objectContaining({ event: 'failure', text: expect.stringContaining('DatabaseNotReady') }),
    ]);
});

it('a run that waits for an approval says so, and its success is a receipt and a ping', async () => {
  await writeCases(pipeline, casesOf(10, 3));
  const handle = await pipeline.startCases('pending-payment-update', { limit: 2 });
  const { runId } = await handle.describe();
  await expect
    .poll(() => notices, { timeout: 20_000 })
    .toEqual([
      {
        event: 'waiting',
        job: 'pending-payment-update',
        runId,
        text: `pending-payment-update waits for an approval: 3 cases would move, and the limit is 2. Run \`surgicase runs approve ${runId}\`, or \`reject\`, within 24 hours.`,
      },
    ]);
  // The notice leaves the activity just before the workflow begins to wait.
  await expect.poll(() => phaseOf(handle)).toBe('approval');
  await handle.executeUpdate('approve');
  await handle.result();
  await expect
    .poll(() => notices[1])
    .toMatchObject({
      event: 'success',
      text: expect.stringMatching(
        /^pending-payment-update: moved in [\d.]+ s \(found 3, updated 3, exceptions 0\)\.$/,
      ),
    });
  await expect.poll(() => pings).toBe(1);
});

it('a dry run tells nobody', async () => {
  await writeCases(pipeline, casesOf(10, 3));
  await pipeline.runCases('pending-payment-update', { dryRun: true, limit: 1 });
  await pipeline.runCases('paid-update');
  await expect.poll(() => notices).toMatchObject([{ event: 'success', job: 'paid-update' }]);
  expect(pings).toBe(1);
});

it('a smaller monthly that waits says how much smaller it is', exhaustive, async () => {
  const individuals = (count: number) =>
    Array.from({ length: count }, (_, i) => individual(i, 'SMITH', '09/01/2026'));
  await writeMonthly(pipeline.site, 'September_2026', '20260913', individuals(10));
  await pipeline.run();
  await writeMonthly(pipeline.site, 'October_2026', '20261011', individuals(2));
  const handle = await pipeline.start({ replace: true });
  await expect
    .poll(() => notices.at(-1), { timeout: 30_000 })
    .toMatchObject({ event: 'waiting', text: expect.stringContaining('2 individuals, 20.0 % of the 10') });
  await expect.poll(() => phaseOf(handle)).toBe('approval');
  await handle.executeUpdate('reject');
  await handle.result();
});
