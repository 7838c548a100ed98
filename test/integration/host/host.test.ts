import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import * as host from '../../../host/index.ts';
import { casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { freePort } from '../../bed/free-port.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

// Uses the package as a host application does. The example runs in its own process and has the only worker.
const example = fileURLToPath(new URL('../../../examples/node/host.mjs', import.meta.url));
let pipeline: Pipeline;

function startExample(env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [example], {
    env: { PATH: process.env['PATH'], ...pipeline.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  const exit = new Promise((resolve) => child.once('exit', resolve));
  return { child, exit, shown: () => shown };
}

beforeAll(async () => {
  pipeline = await startPipeline('host', {}, { hasWorker: false });
  for (const [name, value] of Object.entries(pipeline.env)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await pipeline.stop();
});
beforeEach(() => pipeline.reset());

it('runs inside a host when ENABLE_SCHEDULER is true, and stops with it', async () => {
  const metrics = `127.0.0.1:${await freePort()}`;
  const app = startExample({ ENABLE_SCHEDULER: 'true', METRICS_ADDRESS: metrics });
  try {
    await expect.poll(app.shown, { timeout: 20_000 }).toContain('the scheduler is on');
    await writeCases(pipeline, [...casesOf(10, 12), ...casesOf(15, 5, 100)]);
    expect(await host.runPaidUpdateNow()).toMatchObject({ outcome: 'moved', updated: 5 });
    expect(await host.weeklyPendingPaymentUpdate()).toMatchObject({ outcome: 'moved', updated: 12 });
    expect(await host.runUpdateNow()).toMatchObject({ outcome: 'nothing due' });
    expect(await countByStatus(pipeline)).toEqual({ 15: 12, 20: 5 });
    await expect(host.runNpiUpdateNow()).rejects.toThrow('npi-update failed: ');
    const shown = await (await fetch(`http://${metrics}/metrics`)).text();
    expect(shown).toMatch(/case_update_success_total\{[^}]*job_name="paid-update"[^}]*\} 1/);
    expect(shown).toMatch(
      /bulk_update_case_status_milliseconds_count\{[^}]*job_name="pending-payment-update"/,
    );
  } finally {
    app.child.kill('SIGTERM');
  }
  expect(await app.exit).toBe(0);
  expect(app.shown()).toContain('stopped');
});

it('does nothing inside a host when ENABLE_SCHEDULER is not true', async () => {
  const app = startExample({});
  await expect.poll(app.shown, { timeout: 20_000 }).toContain('the scheduler is off');
  app.child.kill('SIGTERM');
  expect(await app.exit).toBe(0);
});

it('applies the schedules by name, and returns what it changed', async () => {
  vi.stubEnv('SCHEDULE_PAID_UPDATE', '0 9 * * 5');
  const changed = (await host.setupWeeklyScheduler()).filter(({ action }) => action !== 'unchanged');
  expect(changed).toEqual([
    {
      job: 'paid-update',
      action: 'updated',
      differences: ['cron: 0 8 * * 4 -> 0 9 * * 5', expect.stringContaining('Every Friday at 09:00 UTC.')],
    },
  ]);
  await pipeline.client.schedule.getHandle('npi-update').delete();
  vi.stubEnv('SCHEDULE_PAID_UPDATE', '0 10 * * 6');
  // A starting worker creates missing schedules and does not change existing ones.
  const app = await host.runSchedulerInBackground();
  expect(app).toBeUndefined();
  vi.stubEnv('ENABLE_SCHEDULER', 'true');
  const worker = await host.runSchedulerInBackground();
  await worker?.stop();
  const { spec } = await pipeline.client.schedule.getHandle('paid-update').describe();
  expect(spec.calendars?.map(({ comment }) => comment)).toEqual(['0 9 * * 5']);
  expect((await pipeline.client.schedule.getHandle('npi-update').describe()).state.paused).toBe(false);
});
