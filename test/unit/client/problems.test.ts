import { expect, it } from 'vitest';
import { problemsOf } from '../../../client/status/problems.ts';
import type { StatusReport } from '../../../client/status/report.ts';

/** A run whose activity waits for this attempt after a failure of this type, while nothing else is wrong. */
function retrying(type: string, attempt: number): StatusReport {
  return {
    temporal: {
      isWorkerPolling: true,
      isWorkerHere: true,
      schedules: (['pending-payment-update', 'npi-update', 'paid-update'] as const).map((job) => ({
        job,
        state: 'active',
      })),
      openRuns: [
        {
          workflowId: 'npi-update-manual',
          runId: '0197a5d0-1111-7222-8333-444455556666',
          workflowType: 'npiUpdate',
          startedAt: new Date().toISOString(),
          state: 'retrying',
          activity: {
            name: 'discover',
            id: '1',
            attempt,
            state: 'retrying',
            failure: { type, message: 'why' },
          },
        },
      ],
      failedRuns: [],
    },
    database: {
      obstacles: [],
      lastRuns: [],
      recentRuns: [],
      dryRuns: [],
      usualSeconds: {},
      longestSeconds: {},
      lastGood: {},
      unrecorded: [],
      warnings: [],
      emptied: [],
    },
  };
}

it.each([
  ['DatabaseUnreachable', 2],
  ['DatabaseReadOnly', 2],
  ['PageUnreachable', 2],
  ['SecretUnreachable', 2],
  // A lock, a broken download or the end of a worker: the next attempt usually works.
  ['DatabaseBusy', 3],
  ['DownloadFailed', 3],
  ['timed out', 3],
])('a run that retries after %s is wrong from attempt %i on', (type, first) => {
  const problems = (attempt: number) => problemsOf({ isShadow: false }, retrying(type, attempt));
  expect(problems(first - 1)).toEqual([]);
  expect(problems(first)).toEqual([
    `npi-update-manual is only retrying: discover, attempt ${first}: ${type}: why`,
  ]);
});
