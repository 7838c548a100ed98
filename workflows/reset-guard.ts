import { patched, workflowInfo } from '@temporalio/workflow';
import type { Begun } from '../contract/activities.ts';
import { adviceFor } from '../contract/failures.ts';
import { failureOf } from './failure.ts';

/**
 * Stops a run that a reset has put behind its beginning: lease, ledger and checkpoints belong to the run that began. The
 * steps before the reset are replayed as they were; `patched` is false then, and true at the first new step.
 */
export class ResetGuard {
  #begunBy: string | undefined;

  begin({ runId }: Begun): void {
    this.#begunBy = runId;
  }

  /** @throws ApplicationFailure ResetTooLate */
  check(): void {
    if (this.#begunBy === undefined || this.#begunBy === workflowInfo().runId) return;
    if (!patched('refuse-late-reset')) return;
    throw failureOf(
      'ResetTooLate',
      `This run was reset to a step after its beginning, so it stopped. ${adviceFor('ResetTooLate')}`,
    );
  }
}
