import type * as timers from 'node:timers/promises';
import type { Worker } from '@temporalio/worker';
import { beforeEach, expect, it, vi } from 'vitest';
import { NamespaceGone } from '../../../worker/namespace.ts';
import { createLog } from '../../../telemetry/log.ts';
import { runWorkers, shutdownTimes } from '../../../worker/running.ts';

// A thousand times faster: the patience with a stuck worker is 20 s.
vi.mock('node:timers/promises', async (original) => {
  const real = await original<typeof timers>();
  return { ...real, setTimeout: (ms: number, value: unknown) => real.setTimeout(ms / 1000, value) };
});

let lines: { level: string; message: string; error?: string }[];
let closings = 0;
beforeEach(() => {
  lines = [];
  closings = 0;
});
const log = createLog({ level: 'info', format: 'json' }, (line) => lines.push(JSON.parse(line) as never));
const close = async () => {
  closings += 1;
};

const never = new Promise<never>(() => undefined);

/** A worker that runs until its shutdown, and then ends with `error`. `fail` ends it at once. */
function fakeWorker(error?: Error) {
  let state = 'RUNNING';
  let end: (failure?: Error) => void = () => undefined;
  const run = new Promise<void>((resolve, reject) => {
    end = (failure) => {
      state = 'STOPPED';
      if (failure) reject(failure);
      else resolve();
    };
  });
  const worker = { run: () => run, shutdown: () => end(error), getState: () => state } as unknown as Worker;
  return { worker, fail: end };
}

it('a worker that fails stops the other, is logged and told, and never rejects unhandled', async () => {
  const [main, npi] = [fakeWorker(), fakeWorker()];
  const running = runWorkers([main.worker, npi.worker], log, never, close);
  main.fail(new Error('Namespace default is not found.'));
  // Nobody awaits `done`: vitest fails the run on an unhandled rejection.
  await expect
    .poll(() => lines)
    .toMatchObject([
      {
        level: 'error',
        message: 'the worker has stopped for good; start it again',
        error: expect.stringContaining('Namespace'),
      },
    ]);
  expect(npi.worker.getState()).toBe('STOPPED');
  expect(closings).toBe(1);
  await running.stop();
  await expect(running.done).rejects.toThrow('Namespace default is not found.');
});

it('an activity that does not end in time is a warning, and the worker ends well', async () => {
  const slow = fakeWorker(new Error('Worker still in use'));
  const running = runWorkers([fakeWorker().worker, slow.worker], log, never, close);
  await running.stop();
  await running.done;
  expect(lines).toMatchObject([
    { level: 'warn', message: expect.stringContaining('activities did not end in time') },
  ]);
});

it('the forced end comes before the orchestrator kills the process after 30 s', () => {
  expect(shutdownTimes.shutdownGraceTime).toBeLessThan(shutdownTimes.shutdownForceTime);
  expect(shutdownTimes.shutdownForceTime).toBeLessThanOrEqual(20_000);
});

it('a lost namespace ends workers whose polls never end', async () => {
  const stuck = { run: () => never, shutdown: () => undefined, getState: () => 'RUNNING' };
  const gone = Promise.resolve(new NamespaceGone('ours'));
  const running = runWorkers([stuck as unknown as Worker], log, gone, close);
  await expect(running.done).rejects.toThrow('The namespace ours no longer exists');
  expect(closings).toBe(1);
});
