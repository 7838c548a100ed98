import { beforeEach, expect, it, vi } from 'vitest';
import type { FinishInput, NpiActivities } from '../../../contract/activities.ts';
import { npiUpdate } from '../../../workflows/npi-update.ts';

const holder = 'another (run)';
const finished: FinishInput[] = [];
let begins = 0;
let onSleep: (ms: number) => void;

// The dev server cannot skip time, so half an hour passes here by a clock of our own, and activities are plain
// functions.
vi.mock('@temporalio/workflow', async (original) => {
  const callable = (call: (input: never) => Promise<unknown>) => ({
    executeWithOptions: (_options: unknown, [input]: [never]) => call(input),
  });
  return {
    ...(await original<object>()),
    setHandler: () => undefined,
    setCurrentDetails: () => undefined,
    CancellationScope: { nonCancellable: (work: () => Promise<unknown>) => work() },
    proxyActivities: () => ({ begin: callable(activities.begin), finish: callable(activities.finish) }),
    sleep: async (ms: number) => onSleep(ms),
  };
});

const activities: Pick<NpiActivities, 'begin' | 'finish'> = {
  begin: async () => {
    begins += 1;
    return { acquired: false, holder };
  },
  finish: async (input) => {
    finished.push(input);
  },
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  finished.length = 0;
  begins = 0;
  onSleep = (ms) => vi.setSystemTime(Date.now() + ms);
  return () => vi.useRealTimers();
});

it('is skipped after another run held the lease for 30 minutes, and not earlier', async () => {
  const startedAt = Date.now();
  const result = await npiUpdate();
  expect(result).toMatchObject({ outcome: 'skipped', releases: [], seconds: 1800 });
  expect(Date.now() - startedAt).toBe(30 * 60_000);
  expect(result.remarks).toEqual([`Skipped: ${holder} held the lease for 30 minutes.`]);
  expect(finished).toMatchObject([{ outcome: 'skipped' }]);
});

it('is closed in the ledger when it is canceled while it waits', async () => {
  const { CancelledFailure } = await import('@temporalio/workflow');
  onSleep = () => {
    throw new CancelledFailure('The run was cancelled.');
  };
  await expect(npiUpdate()).rejects.toThrow('The run was cancelled.');
  expect(begins).toBe(1);
  expect(finished).toMatchObject([{ outcome: 'cancelled' }]);
});
