import { ApplicationFailure, Context } from '@temporalio/activity';
import { failures, type FailureType } from '../contract/failures.ts';
import type { Heartbeat } from '../contract/activities.ts';
import type { RunJob } from '../contract/schedules.ts';
import { DbError } from '../db/connection/errors.ts';
import { renewLease, takeLease, type Lease } from '../db/ledger/lease.ts';
import type { Session } from '../db/connection/session.ts';
import { logContext, type Log } from '../telemetry/log.ts';
import { NppesError } from '../nppes/errors.ts';
import type { ActivityDeps } from './deps.ts';

/** One attempt of an activity: whose it is, when it has to stop, and where it says how far it is. */
export interface Attempt {
  readonly runId: string;
  readonly workflowId: string;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** What the next heartbeat tells; the timer sends it. */
  tell(heartbeat: Heartbeat): void;
}

const heartbeatEveryMs = 1000;

/**
 * Runs one attempt: heartbeats from a timer, so that a long statement does not look like a dead worker, every
 * expected error as a failure of the contract, and `fields` in every log line.
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
    heartbeating(deps.log, phase, (signal, tell) => work({ runId, workflowId, signal, log: deps.log, tell })),
  );
}

async function heartbeating<Result>(
  log: Log,
  phase: string,
  work: (signal: AbortSignal, tell: Attempt['tell']) => Promise<Result>,
): Promise<Result> {
  const context = Context.current();
  let heartbeat: Heartbeat = { phase };
  const timer = setInterval(() => context.heartbeat(heartbeat), heartbeatEveryMs);
  context.heartbeat(heartbeat);
  try {
    return await work(context.cancellationSignal, (next) => {
      heartbeat = next;
    });
  } catch (error) {
    context.cancellationSignal.throwIfAborted();
    throw asFailure(error, log, context.info.attempt);
  } finally {
    clearInterval(timer);
  }
}

/** The same as `underLease`; a dry run works without. */
export function underLeaseUnlessDry<Result>(
  deps: ActivityDeps,
  current: Attempt,
  { job, isDryRun }: { readonly job: RunJob; readonly isDryRun: boolean },
  work: (lease: Lease | undefined) => Promise<Result>,
): Promise<Result> {
  return isDryRun ? work(undefined) : underLease(deps, current, job, work);
}

/**
 * The lease for this attempt, renewed until `work` ends: nobody else begins the job while this one downloads.
 * @throws DbError LeaseHeld when another run of the job has it
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
  if ('heldBy' in taken) throw new DbError('LeaseHeld', `${job} is held by ${taken.heldBy}.`);
  let renewal: Promise<void> = Promise.resolve();
  const renew = () => {
    // A renewal that fails is made up for by the next; the fence decides, not the timer.
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

// What nobody expected may be a passing trouble of this host; the same thing again and again is a defect.
const unexpectedAttempts = 3;

function asFailure(error: unknown, log: Log, attemptNumber: number): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const type = failureType(error);
  const { isRetryable, nextStep } = failures[type];
  const { name, message } = error as Error;
  const what = type === 'Unexpected' ? `${name}: ${message}` : message;
  log.error(what, { type, attempt: attemptNumber, nextStep });
  const nonRetryable = !isRetryable || (type === 'Unexpected' && attemptNumber >= unexpectedAttempts);
  return ApplicationFailure.create({ type, message: `${what} ${nextStep}`, nonRetryable });
}

function failureType(error: unknown): FailureType {
  if (error instanceof NppesError || error instanceof DbError) return error.code;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' ? 'NoSpace' : 'Unexpected';
}
