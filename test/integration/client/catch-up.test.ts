import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwatched } from '../../../local/service.ts';
import { startTemporal } from '../../../local/temporal.ts';
import { casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { surgicase } from '../../bed/cli.ts';
import { freePort } from '../../bed/free-port.ts';
import { startPipeline } from '../../bed/pipeline.ts';
import { exhaustive } from '../../bed/extent.ts';

// Its own Temporal server is down in the minute when the schedule should fire.
it('a missed run starts once when the service is back', exhaustive, async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'surgicase-catchup-'));
  // Not the usual port, which another test file may take while the server is down.
  mkdirSync(join(stateDir, 'temporal'));
  writeFileSync(join(stateDir, 'temporal', 'port'), String(await freePort()));
  const before = await startTemporal(unwatched(stateDir));
  const temporal = { TEMPORAL_ADDRESS: before.address };
  const pipeline = await startPipeline('catchup', temporal, { hasWorker: false });
  // So far ahead that a busy machine applies the schedule and stops the server first.
  const due = new Date(Math.ceil((Date.now() + 60_000) / 60_000) * 60_000);
  const cron = `${due.getUTCMinutes()} ${due.getUTCHours()} ${due.getUTCDate()} ${due.getUTCMonth() + 1} *`;
  const schedule = { SCHEDULE_PENDING_PAYMENT_UPDATE: cron, SCHEDULE_CATCHUP: '6h' };
  const applied = await surgicase(['schedules', 'apply'], { ...pipeline.env, ...schedule }, stateDir);
  expect(applied.code).toBe(0);
  // A schedule begins with its first task, which a busy server does later. It does not catch up on times before that.
  const handle = pipeline.client.schedule.getHandle('pending-payment-update');
  await expect
    .poll(async () => (await handle.describe()).info.nextActionTimes[0], { timeout: 30_000 })
    .toEqual(due);
  await before.stop();
  expect(Date.now(), 'the server was stopped in time').toBeLessThan(due.getTime());
  await expect
    .poll(() => Date.now(), { timeout: 120_000, interval: 500 })
    .toBeGreaterThan(due.getTime() + 2000);

  const after = await startTemporal(unwatched(stateDir));
  expect(after.address).toBe(before.address);
  await writeCases(pipeline, casesOf(10, 20));
  const worker = await pipeline.startWorker();
  await expect.poll(() => countByStatus(pipeline), { timeout: 120_000 }).toEqual({ 15: 20 });
  const { info } = await handle.describe();
  expect(info.recentActions).toHaveLength(1);
  expect(info.recentActions[0]?.scheduledAt).toEqual(due);
  await worker.stop();
  await pipeline.stop();
  await after.stop();
  rmSync(stateDir, { recursive: true, force: true });
});
