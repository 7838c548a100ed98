import { hostEnvironment, readConfig } from '../config/config.ts';
import { withClient } from '../client/connection.ts';
import { follow } from '../client/follow.ts';
import { triggerSchedule } from '../client/trigger.ts';
import type { Job } from '../contract/schedules.ts';
import type { CaseUpdateResult, NpiUpdateResult, RunResult } from '../contract/workflows.ts';

/** The run has failed. docs/troubleshooting.md has a section for each `failureType`. */
export class RunFailedError extends Error {
  override readonly name = 'RunFailedError';
  readonly failureType: string;

  constructor(failureType: string, message: string) {
    super(message);
    this.failureType = failureType;
  }
}

/**
 * Moves the cases that are ready for billing (10) to pending payment (15) now. Triggers the schedule
 * `pending-payment-update`, whose workflow runs on any running worker, and waits for its end.
 * @throws RunFailedError when the run fails
 * @throws CommandError when a run of the job is already running, or Temporal does not answer
 */
export function runPendingPaymentUpdateNow(): Promise<CaseUpdateResult> {
  return runNow('pending-payment-update') as Promise<CaseUpdateResult>;
}

/**
 * Updates the provider registry now: triggers the schedule `npi-update` and waits for the end of the run.
 * @throws RunFailedError when the run fails
 * @throws CommandError when a run of the job is already running, or Temporal does not answer
 */
export function runNpiUpdateNow(): Promise<NpiUpdateResult> {
  return runNow('npi-update') as Promise<NpiUpdateResult>;
}

/**
 * Moves the cases with pending payment (15) to paid (20) now: triggers the schedule `paid-update` and waits for the end of
 * the run.
 * @throws RunFailedError when the run fails
 * @throws CommandError when a run of the job is already running, or Temporal does not answer
 */
export function runPaidUpdateNow(): Promise<CaseUpdateResult> {
  return runNow('paid-update') as Promise<CaseUpdateResult>;
}

async function runNow(job: Job): Promise<RunResult> {
  return withClient(readConfig(hostEnvironment(), ['temporal']), async (client) => {
    const handle = await triggerSchedule(client, job);
    const silent = { snapshot: () => undefined, waiting: () => undefined };
    const end = await follow(client, handle, silent);
    if (end.isDone) return end.result;
    throw new RunFailedError(end.failureType, `${job} failed: ${end.message}`);
  });
}
