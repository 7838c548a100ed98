import type { ApplicationFailure } from '@temporalio/common';
import { expect, it, vi } from 'vitest';
import type { CaseActivities, FinishInput } from '../../../contract/activities.ts';
import { pendingPaymentUpdate } from '../../../workflows/case-update.ts';

const finished: FinishInput[] = [];
let waitedMs = 0;
let isMoved = false;

// The dev server cannot skip time. So the wait times out at once here, and activities are plain functions.
vi.mock('@temporalio/workflow', async (original) => {
  const callable = (call: (input: never) => Promise<unknown>) => ({
    executeWithOptions: (_options: unknown, [input]: [never]) => call(input),
  });
  return {
    ...(await original<object>()),
    setHandler: () => undefined,
    setCurrentDetails: () => undefined,
    workflowInfo: () => ({ searchAttributes: {}, startTime: new Date() }),
    CancellationScope: { nonCancellable: (work: () => Promise<unknown>) => work() },
    proxyActivities: () =>
      Object.fromEntries(Object.entries(activities).map(([name, call]) => [name, callable(call)])),
    condition: async (_isDecided: unknown, ms: number) => {
      waitedMs = ms;
      return false;
    },
  };
});

const activities: Omit<CaseActivities, 'selectUndo'> = {
  begin: async () => ({ acquired: true, heartbeatTimeoutMs: 1000 }),
  selectCases: async () => ({ found: 101, leftForNextRun: 0, waitAbove: 100 }),
  moveCases: async () => {
    isMoved = true;
    return { updated: 101, exceptions: {} };
  },
  finish: async (input) => {
    finished.push(input);
  },
};

it('a run that nobody approves for 24 hours fails with ApprovalTimedOut and moves nothing', async () => {
  const failure = await pendingPaymentUpdate().catch((error: unknown) => error as ApplicationFailure);
  expect(failure).toMatchObject({ type: 'ApprovalTimedOut' });
  expect((failure as Error).message).toContain('The move of 101 cases (the limit is 100) waited 24 hours');
  expect({ waitedMs, isMoved }).toEqual({ waitedMs: 24 * 3_600_000, isMoved: false });
  expect(finished).toMatchObject([{ outcome: 'failed', failureType: 'ApprovalTimedOut' }]);
});
