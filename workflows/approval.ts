import { condition, defineUpdate, patched, setHandler } from '@temporalio/workflow';
import type { DecidedBy, Decision } from '../contract/decisions.ts';
import { adviceFor } from '../contract/failures.ts';
import type { RunJob } from '../contract/schedules.ts';
import { approvalPatienceMs, approveUpdate, rejectUpdate } from '../contract/workflows.ts';
import { decidedByProblems, decisionBy } from './decided-by.ts';
import { failureOf } from './failure.ts';
import { firstHeartbeatTimeoutMs, shortActivities } from './phases.ts';

export type Answer = 'approved' | 'rejected';

/** A question of a run to a person, who answers it with the update `approve` or `reject`. */
export class Approval {
  readonly #job: RunJob;
  #isAsked = false;
  #decision: Decision | undefined;

  constructor(job: RunJob, descriptions: { readonly approve: string; readonly reject: string }) {
    this.#job = job;
    this.#take(approveUpdate, 'approved', descriptions.approve);
    this.#take(rejectUpdate, 'rejected', descriptions.reject);
  }

  /**
   * Waits up to 24 hours for the answer, and records who gave it and why.
   * @throws ApplicationFailure ApprovalTimedOut; its message begins with `what`
   */
  async ask(what: string): Promise<Answer> {
    this.#isAsked = true;
    const summary = 'time to approve or reject';
    await condition(() => this.#decision !== undefined, approvalPatienceMs, { summary });
    this.#isAsked = false;
    if (this.#decision !== undefined) return this.#record(this.#decision);
    throw failureOf(
      'ApprovalTimedOut',
      `${what} waited 24 hours for an approval. ${adviceFor('ApprovalTimedOut')}`,
    );
  }

  async #record(decision: Decision): Promise<Answer> {
    // Runs of older versions recorded nothing.
    if (patched('note-decision')) {
      const { noteDecision } = shortActivities(firstHeartbeatTimeoutMs);
      const summary = `record who decided: ${decision.what}`;
      await noteDecision.executeWithOptions({ summary }, [{ job: this.#job, decision }]);
    }
    return decision.what === 'approve' ? 'approved' : 'rejected';
  }

  #take(name: typeof approveUpdate | typeof rejectUpdate, answer: Answer, description: string): void {
    const decide = (input: DecidedBy | null | undefined) => {
      this.#decision = decisionBy(name, input ?? {});
      return answer;
    };
    setHandler(defineUpdate<Answer, [DecidedBy | null | undefined]>(name), decide, {
      description: `${description} Input, if any: {"by": "your name", "reason": "why"}.`,
      validator: (input) => {
        const problems = decidedByProblems(input);
        if (problems.length > 0) throw new Error(`The input is not valid: ${problems.join('; ')}.`);
        if (!this.#isAsked || this.#decision !== undefined) {
          throw new Error('This run is not waiting for an approval.');
        }
      },
    });
  }
}
