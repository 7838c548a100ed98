import type { WorkflowExecutionDescription } from '@temporalio/client';
import { expect, it } from 'vitest';
import { pendingActivity } from '../../../client/pending-activity.ts';

/** A second attempt, after the first one ended with a failure of this type. */
const afterFailure = (type: string) =>
  pendingActivity({
    raw: {
      pendingActivities: [
        {
          activityType: { name: 'stage' },
          activityId: '3',
          attempt: 2,
          lastFailure: { message: 'planted', applicationFailureInfo: { type } },
        },
      ],
    },
  } as WorkflowExecutionDescription);

it('an attempt that a person paused or reset has not failed', () => {
  const running = { name: 'stage', id: '3', attempt: 2, state: 'running' };
  expect(afterFailure('ActivityPause')).toEqual(running);
  expect(afterFailure('ActivityReset')).toEqual(running);
  expect(afterFailure('PageUnreachable')?.failure).toEqual({ type: 'PageUnreachable', message: 'planted' });
});
