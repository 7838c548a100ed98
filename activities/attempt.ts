import { ApplicationFailure, Context } from '@temporalio/activity';
import { failures, type FailureKind, type FailureType } from '../contract/failures.ts';
import type { Heartbeat } from '../contract/activities.ts';
import type { RunJob } from '../contract/schedules.ts';
import { DbError } from '../db/connection/errors.ts';
import { renewLease, takeLease, type Lease } from '../db/ledger/lease.ts';
import type { Session } from '../db/connection/session.ts';
import { logContext, type Log } from '../telemetry/log.ts';
import { NppesError } from '../nppes/errors.ts';
import type { ActivityDeps } from './deps.ts';

/** One attempt of an activity: its run, its cancellation signal, its log and its progress. */
export interface Attempt {
  readonly runId: string;
  readonly workflowId: string;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Sets what the next heartbeats carry; a timer sends them. */
  heartbeat(progress: Heartbeat): void;
}

const heartbeatEveryMs = 1000;

/**
 * Runs one attempt. A timer sends heartbeats, so that a long statement does not look like a dead worker. Errors become
 * failures of `contract/failures.ts`, and every log line carries `fields`.
 */
export function attempt<Result>(
  deps: ActivityDeps,
  phase: string,
  fields: { readonly job: RunJob; readonly release?: string },
  work: (attempt: Attempt) => Promise<Result>,
): Promise<Result> {
  const { workflowExecution } = Context.current().info;
  const { workflowId, runId } = workflowExecution ?? { workflowId: '', runId: '' };
  return logContext.run({ runId, ...fields }, () =>
    heartbeating(deps.log, phase, (signal, heartbeat) =>
      work({ runId, workflowId, signal, log: deps.log, heartbeat }),
    ),
  );
}

async function heartbeating<Result>(
  log: Log,
  phase: string,
  work: (signal: AbortSignal, heartbeat: Attempt['heartbeat']) => Promise<Result>,
): Promise<Result> {
  const context = Context.current();
  let progress: Heartbeat = { phase };
  const timer = setInterval(() => context.heartbeat(progress), heartbeatEveryMs);
  context.heartbeat(progress);
  try {
    return await work(context.cancellationSignal, (next) => {
      progress = next;
    });
  } catch (error) {
    context.cancellationSignal.throwIfAborted();
    throw asFailure(error, log, context.info.attempt);
  } finally {
    clearInterval(timer);
  }
}

/** The same as `underLease`, but a dry run takes no lease. */
export function underLeaseUnlessDry<Result>(
  deps: ActivityDeps,
  current: Attempt,
  { job, isDryRun }: { readonly job: RunJob; readonly isDryRun: boolean },
  work: (lease: Lease | undefined) => Promise<Result>,
): Promise<Result> {
  return isDryRun ? work(undefined) : underLease(deps, current, job, work);
}

/**
 * Takes the lease for this attempt and renews it until `work` ends, so that no other run of the job starts meanwhile.
 * @throws DbError LeaseHeld when another run of the job holds it
 */
export async function underLease<Result>(
  deps: ActivityDeps,
  { workflowId, runId, signal }: Attempt,
  job: RunJob,
  work: (lease: Lease) => Promise<Result>,
): Promise<Result> {
  const taken = await deps.database.session(signal, (session) =>
    takeLease(session, { job, workflowId, runId }),
  );
  if ('heldBy' in taken) throw new DbError('LeaseHeld', `${taken.heldBy} holds the lease of ${job}.`);
  let renewal: Promise<void> = Promise.resolve();
  const renew = () => {
    // A renewal may fail: the next one makes up for it, and `fence` protects every write in any case.
    renewal = deps.database
      .session(signal, (session: Session) => renewLease(session, taken))
      .catch(() => undefined);
  };
  const timer = setInterval(renew, 15_000);
  try {
    return await work(taken);
  } finally {
    clearInterval(timer);
    await renewal;
  }
}

function asFailure(error: unknown, log: Log, attemptNumber: number): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const type = failureType(error);
  const { isRetryable, nextStep, tries = Infinity }: FailureKind = failures[type];
  const { name, message } = error as Error;
  const what = type === 'Unexpected' ? `${name}: ${message}` : message;
  log.error(what, { type, attempt: attemptNumber, nextStep });
  const nonRetryable = !isRetryable || attemptNumber >= tries;
  return ApplicationFailure.create({ type, message: `${what} ${nextStep}`, nonRetryable });
}

function failureType(error: unknown): FailureType {
  if (error instanceof NppesError || error instanceof DbError) return error.code;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' ? 'NoSpace' : 'Unexpected';
}
