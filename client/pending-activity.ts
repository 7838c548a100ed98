import { defaultPayloadConverter } from '@temporalio/common';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Heartbeat } from '../contract/activities.ts';

/** The activity that a run waits for, as Temporal sees it. Times are ISO, UTC. */
export interface PendingActivity {
  readonly name: string;
  readonly id: string;
  /** Counts from 1; while Temporal waits to retry, the number of the next attempt. */
  readonly attempt: number;
  /** `paused`: by a person, in Temporal. `retrying`: the last attempt failed, and none has been running for a minute since. */
  readonly state: 'running' | 'retrying' | 'paused';
  /** The failure of the last attempt that failed. */
  readonly failure?: { readonly type: string; readonly message: string };
  readonly nextTryAt?: string;
  /** Who paused it and why, as far as Temporal knows. */
  readonly pausedBy?: string;
  readonly heartbeat?: Heartbeat;
}

type RawActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];
type Timestamp = RawActivity['lastStartedTime'];

const msOf = (time: Timestamp) => (time ? Number(time.seconds) * 1000 + (time.nanos ?? 0) / 1e6 : undefined);
const scheduled = 1;
// An attempt that fails again does so within this time; an attempt that runs for longer is at work.
const provenMs = 60_000;

/** The first pending activity of a run. The pipelines start one after the other. */
export function pendingActivity({ raw }: WorkflowExecutionDescription): PendingActivity | undefined {
  const found = raw.pendingActivities?.[0];
  if (!found) return undefined;
  const payload = found.heartbeatDetails?.payloads?.[0];
  const failure = failureOf(found);
  const nextTryMs = Number(found.state) === scheduled ? msOf(found.scheduledTime) : undefined;
  const pausedBy = pauseOf(found);
  const state = stateOf(found, failure !== undefined);
  return {
    name: found.activityType?.name ?? 'unknown',
    id: found.activityId ?? '',
    attempt: found.attempt ?? 1,
    state,
    ...(failure && { failure }),
    ...(state === 'retrying' && nextTryMs !== undefined && { nextTryAt: new Date(nextTryMs).toISOString() }),
    ...(pausedBy !== undefined && { pausedBy }),
    ...(payload && { heartbeat: defaultPayloadConverter.fromPayload<Heartbeat>(payload) }),
  };
}

function stateOf(
  { paused, state, lastStartedTime }: RawActivity,
  hasFailed: boolean,
): PendingActivity['state'] {
  if (paused) return 'paused';
  if (!hasFailed) return 'running';
  const startedMs = msOf(lastStartedTime) ?? 0;
  return Number(state) === scheduled || Date.now() - startedMs < provenMs ? 'retrying' : 'running';
}

// How an attempt ends that a person paused or reset in Temporal.
const endedByPerson = new Set(['ActivityPause', 'ActivityReset']);

function failureOf({ lastFailure }: RawActivity): PendingActivity['failure'] {
  if (!lastFailure) return undefined;
  const type =
    lastFailure.applicationFailureInfo?.type ?? (lastFailure.timeoutFailureInfo ? 'timed out' : 'failed');
  if (endedByPerson.has(type)) return undefined;
  return { type, message: lastFailure.message ?? '' };
}

function pauseOf({ pauseInfo }: RawActivity): string | undefined {
  const { identity, reason } = pauseInfo?.manual ?? {};
  const parts = [...(identity ? [`by ${identity}`] : []), ...(reason ? [reason] : [])];
  return parts.length > 0 ? parts.join(': ') : undefined;
}

/** `attempt 5: DatabaseUnreachable: Could not reach MySQL …; next try at 08:02:10 UTC`. */
export function retryText({ attempt, failure, nextTryAt }: PendingActivity): string {
  const why = failure ? `: ${failure.type}: ${failure.message}` : '';
  return `attempt ${attempt}${why}${nextTryAt === undefined ? '' : `; next try at ${nextTryAt.slice(11, 19)} UTC`}`;
}
