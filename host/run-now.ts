import { processEnvironmentWithServices, readConfig } from '../config/config.ts';
import { withClient } from '../client/connection.ts';
import { follow } from '../client/follow.ts';
import { triggerSchedule } from '../client/trigger.ts';
import type { Job } from '../contract/schedules.ts';
import type { CaseUpdateResult, NpiUpdateResult, RunResult } from '../contract/workflows.ts';

/** A run that has failed; `failureType` is one of docs/operations.md. */
export class RunFailedError extends Error {
  override readonly name = 'RunFailedError';
  readonly failureType: string;

  constructor(failureType: string, message: string) {
    super(message);
    this.failureType = failureType;
  }
}

/**
 * Moves the cases that are ready for billing (10) to pending payment (15) now: triggers the schedule
 * `pending-payment-update`, whose workflow does it on whichever worker is up, and waits for its end.
 * @throws RunFailedError, and CommandError while a run of the job is at work or Temporal does not answer
 */
export function runPendingPaymentUpdateNow(): Promise<CaseUpdateResult> {
  return runNow('pending-payment-update') as Promise<CaseUpdateResult>;
}

/** Refreshes the provider registry now: triggers the schedule `npi-update` and waits for its end. Throws as above. */
export function runNpiUpdateNow(): Promise<NpiUpdateResult> {
  return runNow('npi-update') as Promise<NpiUpdateResult>;
}

/** Moves the cases with payment pending (15) to paid (20) now: triggers `paid-update` and waits. Throws as above. */
export function runPaidUpdateNow(): Promise<CaseUpdateResult> {
  return runNow('paid-update') as Promise<CaseUpdateResult>;
}

async function runNow(job: Job): Promise<RunResult> {
  return withClient(readConfig(processEnvironmentWithServices(), ['temporal']), async (client) => {
    const handle = await triggerSchedule(client, job);
    const silent = { snapshot: () => undefined, waiting: () => undefined };
    const end = await follow(client, handle, silent);
    if (end.isDone) return end.result;
    throw new RunFailedError(end.failureType, `${job} failed: ${end.message}`);
  });
}
