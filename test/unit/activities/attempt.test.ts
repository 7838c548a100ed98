import type { Client } from '@temporalio/client';
import type { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { attempt } from '../../../activities/attempt.ts';
import type { ActivityDeps } from '../../../activities/deps.ts';
import type { Heartbeat } from '../../../contract/activities.ts';
import type { ActivityState } from '../../../contract/workflows.ts';
import { DbError, StatementError } from '../../../db/connection/errors.ts';
import { createLog } from '../../../telemetry/log.ts';

const log = createLog({ level: 'error', format: 'json' }, () => undefined);
const deps = { log } as unknown as ActivityDeps;

/** Runs an attempt that fails with `error`. Returns its failure, its last heartbeat and what it told the run. */
async function fail(error: Error, info: { readonly attempt: number; readonly heartbeatDetails?: Heartbeat }) {
  const shown: ActivityState[] = [];
  const handle = { signal: async (_name: string, state: ActivityState) => void shown.push(state) };
  const client = {
    withAbortSignal: (_signal: AbortSignal, work: () => Promise<void>) => work(),
    workflow: { getHandle: () => handle },
  } as unknown as Client;
  const environment = new MockActivityEnvironment(info, { client, logger: new DefaultLogger('ERROR') });
  let last: Heartbeat | undefined;
  environment.on('heartbeat', (details: Heartbeat) => {
    last = details;
  });
  const work = () => attempt(deps, 'test', { job: 'npi-update' }, () => Promise.reject(error));
  const failure = await environment.run(work).catch((reason: unknown) => reason as ApplicationFailure);
  return { failure, errors: last?.errors, shown };
}

const unknown = new StatementError('MySQL 1644 ER_SIGNAL_EXCEPTION [45000]', 1644, '45000');
const away = new DbError('DatabaseUnreachable', 'Could not reach MySQL.');

test('killed workers do not count as errors', async () => {
  const { failure, errors } = await fail(unknown, { attempt: 7 });
  expect(failure).toMatchObject({ type: 'StatementFailed', nonRetryable: false, nextRetryDelay: 1000 });
  expect(errors).toEqual({ StatementFailed: 1 });
});

test('errors of another type do not count', async () => {
  const heartbeatDetails = { phase: 'test', errors: { DatabaseUnreachable: 20, StatementFailed: 1 } };
  const { failure, errors } = await fail(unknown, { attempt: 22, heartbeatDetails });
  expect(failure).toMatchObject({ nonRetryable: false, nextRetryDelay: 2000 });
  expect(errors).toEqual({ DatabaseUnreachable: 20, StatementFailed: 2 });
});

test('the third error of an unknown kind ends the activity', async () => {
  const heartbeatDetails = { phase: 'test', errors: { StatementFailed: 2 } };
  const { failure, shown } = await fail(unknown, { attempt: 3, heartbeatDetails });
  expect(failure).toMatchObject({ type: 'StatementFailed', nonRetryable: true });
  expect(shown).toEqual([]);
});

test('an outage is retried with pauses of up to 15 minutes, and the run says what it waits for', async () => {
  const pauses = [];
  for (const count of [0, 1, 5, 9, 10, 40]) {
    const heartbeatDetails = { phase: 'test', errors: { DatabaseUnreachable: count } };
    const before = Date.now();
    const { failure, shown } = await fail(away, { attempt: 1, heartbeatDetails });
    const seconds = Number((failure as ApplicationFailure).nextRetryDelay) / 1000;
    const reason = expect.stringMatching(
      /^Could not reach MySQL.* See docs\/troubleshooting\.md#databaseunreachable\.$/,
    );
    expect(shown).toMatchObject([{ attempt: 1, progress: { phase: 'test' }, reason }]);
    const waitMs = Date.parse(shown[0]?.nextTryAt ?? '') - before;
    expect(waitMs).toBeGreaterThanOrEqual(1000 * seconds);
    pauses.push(seconds);
  }
  expect(pauses).toEqual([1, 2, 32, 512, 900, 900]);
});

test('an unexpected error shows its place in the code, without folders of this host; an expected one shows none', async () => {
  const unexpected = await fail(new Error('a defect'), { attempt: 1 });
  expect((unexpected.failure as ApplicationFailure).stack).toMatch(
    /^\s+at .*test\/unit\/activities\/attempt/,
  );
  expect((unexpected.failure as ApplicationFailure).stack).not.toContain(process.cwd());
  const expected = await fail(away, { attempt: 1 });
  expect((expected.failure as ApplicationFailure).stack).toBe('');
});
