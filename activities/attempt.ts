import { ApplicationFailure, Context } from '@temporalio/activity';
import type { Heartbeat } from '../contract/activities.ts';
import { adviceFor } from '../contract/failures.ts';
import type { RunJob } from '../contract/schedules.ts';
import { DbError } from '../db/connection/errors.ts';
import { renewLease, takeLease, type Lease } from '../db/ledger/lease.ts';
import type { Session } from '../db/connection/session.ts';
import { logContext, type Log } from '../telemetry/log.ts';
import type { ActivityDeps } from './deps.ts';
import { asFailure, failureType } from './failure.ts';
import { runDetails } from './run-details.ts';

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
 * Runs one attempt. A timer sends heartbeats, so that a long statement does not look like a dead worker. A statement whose
 * server no longer answers ends with an error soon (db/connection/watch.ts), so heartbeats do not hide it. Errors become
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
  const { errors } = (context.info.heartbeatDetails as Heartbeat | undefined) ?? {};
  let progress: Heartbeat = { phase };
  const details = runDetails(log);
  const send = (counts = errors) => context.heartbeat({ ...progress, ...(counts && { errors: counts }) });
  const timer = setInterval(() => {
    send();
    details.progress(progress);
  }, heartbeatEveryMs);
  send();
  try {
    return await work(context.cancellationSignal, (next) => {
      progress = next;
    });
  } catch (error) {
    context.cancellationSignal.throwIfAborted();
    const type = failureType(error);
    const errorCount = (errors?.[type] ?? 0) + 1;
    send({ ...errors, [type]: errorCount });
    const failure = asFailure(error, log, { type, errorCount });
    await details.failed(progress, failure);
    throw failure;
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

/** The failure of a run that would write although the worker allows only dry runs. */
export function shadowRefused(what: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'InputRefused',
    message: `${what} SHADOW is true for this worker, so nothing was changed. ${adviceFor('InputRefused')}`,
    nonRetryable: true,
  });
}

/**
 * Takes the lease for this attempt and renews it until `work` ends, so that no other run of the job starts meanwhile.
 * @throws DbError LeaseHeld when another run of the job holds it
 * @throws ApplicationFailure InputRefused when the worker allows only dry runs
 */
export async function underLease<Result>(
  deps: ActivityDeps,
  { workflowId, runId, signal }: Attempt,
  job: RunJob,
  work: (lease: Lease) => Promise<Result>,
): Promise<Result> {
  if (deps.isShadow) throw shadowRefused('The run began on a worker without SHADOW.');
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
