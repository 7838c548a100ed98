import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it, vi } from 'vitest';
import * as host from '../../../host/index.ts';
import { caseId, casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { exhaustive } from '../../bed/extent.ts';
import { freePort } from '../../bed/free-port.ts';
import { openNamespace } from '../../bed/namespace.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

// Uses the package as a host application does. The example runs in its own process and has the only worker.
const example = fileURLToPath(new URL('../../../examples/node/host.mjs', import.meta.url));
let pipeline: Pipeline;

let child: ChildProcess | undefined;

/** Starts the example on a port of its own. `lines` are those of its log, in the host's form. */
async function startExample(env: NodeJS.ProcessEnv) {
  const port = String(await freePort());
  const started = spawn(process.execPath, [example], {
    env: { PATH: process.env['PATH'], ...pipeline.env, LOG_LEVEL: 'info', PORT: port, ...env },
  });
  let [shown, complaints] = ['', ''];
  child = started;
  started.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  started.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const exit = new Promise<number | null>((resolve) => started.once('exit', resolve));
  const lines = () =>
    shown
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { app: string; message: string; error?: string });
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return [response.status, await response.json()] as const;
  };
  await expect.poll(() => shown, { timeout: 20_000 }).toContain('listening');
  return {
    ask,
    lines,
    messages: () => lines().map(({ message }) => message),
    /** The exit code and what the process wrote to stderr. */
    async stop() {
      started.kill('SIGTERM');
      return { code: await exit, complaints };
    },
  };
}

beforeAll(async () => {
  pipeline = await startPipeline('host', {}, { hasWorker: false });
});
afterAll(() => pipeline.stop());
beforeEach(async () => {
  for (const [name, value] of Object.entries(pipeline.env)) vi.stubEnv(name, value);
  await pipeline.reset();
});
afterEach(() => {
  child?.kill('SIGKILL');
  vi.unstubAllEnvs();
});

it('runs inside a host when ENABLE_SCHEDULER is true, and stops with it', async () => {
  const metrics = `127.0.0.1:${await freePort()}`;
  const app = await startExample({ ENABLE_SCHEDULER: 'true', METRICS_ADDRESS: metrics });
  const ready = [200, { state: 'ready', problems: [] }];
  await expect.poll(() => app.ask('/health'), { timeout: 20_000 }).toEqual(ready);
  await writeCases(pipeline, [...casesOf(10, 12), ...casesOf(15, 5, 100)]);
  expect(await host.runPaidUpdateNow()).toMatchObject({ outcome: 'moved', updated: 5 });
  expect(await host.weeklyPendingPaymentUpdate()).toMatchObject({ outcome: 'moved', updated: 12 });
  expect(await host.runUpdateNow()).toMatchObject({ outcome: 'nothing due' });
  expect(await countByStatus(pipeline)).toEqual({ 15: 12, 20: 5 });
  await expect(host.runNpiUpdateNow()).rejects.toThrow('npi-update failed: ');
  const update = (body: object) => app.ask('/cases/status', { method: 'POST', body: JSON.stringify(body) });
  expect(await update({ caseIds: [caseId(1)], newStatus: 30 })).toMatchObject([200, { total_updated: 1 }]);
  const shown = await (await fetch(`http://${metrics}/metrics`)).text();
  expect(shown).toMatch(/case_update_success_total\{[^}]*job_name="paid-update"[^}]*\} 1/);
  expect(shown).toMatch(/bulk_update_case_status_milliseconds_count\{[^}]*job_name="pending-payment-update"/);
  expect(await app.stop()).toEqual({ code: 0, complaints: '' });
  expect(app.messages()).toEqual(expect.arrayContaining(['worker is ready', 'run ends', 'stopped']));
  expect(new Set(app.lines().map((line) => line.app))).toEqual(new Set(['host']));
});

it('does nothing inside a host when ENABLE_SCHEDULER is not true', async () => {
  const app = await startExample({});
  expect(await app.ask('/health')).toEqual([200, { state: 'off', problems: [] }]);
  expect(await app.stop()).toEqual({ code: 0, complaints: '' });
});

it.each([
  [
    'Temporal does not answer',
    { TEMPORAL_ADDRESS: '127.0.0.1:1' },
    'Temporal at 127.0.0.1:1 does not answer',
  ],
  ['the configuration is not valid', { NPI_BASELINE: 'sometimes' }, 'NPI_BASELINE: found "sometimes"'],
  [
    'nothing can listen at an address',
    { HEALTH_ADDRESS: '192.0.2.1:1' },
    'HEALTH_ADDRESS: found 192.0.2.1:1',
  ],
])('a host keeps serving when its scheduler cannot start: %s', async (_why, env, reason) => {
  const app = await startExample({ ENABLE_SCHEDULER: 'true', ...env });
  await expect.poll(app.messages, { timeout: 20_000 }).toContain('the host goes on without its scheduler');
  const [status, health] = await app.ask('/health');
  expect([status, health]).toEqual([
    503,
    { state: 'not ready', problems: [expect.stringContaining(reason)] },
  ]);
  expect(await app.ask('/')).toEqual([200, 'the application']);
  expect(await app.stop()).toEqual({ code: 0, complaints: '' });
});

const throwing = () => {
  throw new Error('the host has a bug');
};
const brokenLog = { debug: throwing, info: throwing, warn: throwing, error: throwing };
const brokenRecorder = {
  count: throwing,
  recordTiming: throwing,
  recordSeconds: throwing,
  setGauge: throwing,
};

it('a log and a recorder of the host that throw fail no run, and its interceptors see every activity', async () => {
  const seen: string[] = [];
  const activityInterceptors: host.SchedulerOptions['activityInterceptors'] = [
    ({ info }) => ({
      inbound: {
        execute(input, next) {
          seen.push(info.activityType);
          return next(input);
        },
      },
    }),
  ];
  vi.stubEnv('ENABLE_SCHEDULER', 'true');
  const scheduler = host.startScheduler({ log: brokenLog, recorder: brokenRecorder, activityInterceptors });
  expect(await scheduler.health()).toEqual({ state: 'not ready', problems: ['The worker is starting.'] });
  await scheduler.ready;
  await writeCases(pipeline, casesOf(15, 3));
  expect(await host.runPaidUpdateNow()).toMatchObject({ outcome: 'moved', updated: 3 });
  expect(seen).toEqual(['begin', 'selectCases', 'moveCases', 'finish']);
  const update = { caseIds: [caseId(1)], newStatus: 30 };
  const telemetry = { log: brokenLog, recorder: brokenRecorder };
  expect(await host.bulkUpdateCaseStatus(update, telemetry)).toMatchObject({ total_updated: 1 });
  await scheduler.stop();
  expect(await scheduler.health()).toEqual({ state: 'not ready', problems: ['The worker has stopped.'] });
});

it(
  'a host learns that the worker has stopped for good, also when its own listener throws',
  exhaustive,
  async () => {
    const namespace = 'host_deleted';
    const { connection } = await openNamespace(inject('temporalAddress'), namespace);
    vi.stubEnv('ENABLE_SCHEDULER', 'true');
    vi.stubEnv('TEMPORAL_NAMESPACE', namespace);
    const scheduler = host.startScheduler();
    scheduler.onStopped(throwing);
    const stopped = new Promise<Error>((resolve) => scheduler.onStopped(resolve));
    await scheduler.ready;
    expect(await scheduler.health()).toEqual({ state: 'ready', problems: [] });
    const own = connection as Connection;
    await own.operatorService.deleteNamespace({ namespace });
    await own.close();
    expect((await stopped).message).toContain(`The namespace ${namespace} no longer exists`);
    const problem = expect.stringContaining(`The worker has stopped: The namespace ${namespace}`);
    expect(await scheduler.health()).toEqual({ state: 'not ready', problems: [problem] });
    await scheduler.stop();
  },
);

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
