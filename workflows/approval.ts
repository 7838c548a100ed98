import { ApplicationFailure, condition, defineUpdate, setHandler } from '@temporalio/workflow';
import { failures } from '../contract/failures.ts';
import { approveUpdate, rejectUpdate } from '../contract/workflows.ts';

const approvalPatienceMs = 24 * 3_600_000;

export type Decision = 'approved' | 'rejected';

/** A question of a run to a person, who answers it with the update `approve` or `reject`. */
export class Approval {
  #isAsked = false;
  #decision: Decision | undefined;

  constructor(descriptions: { readonly approve: string; readonly reject: string }) {
    this.#answer(approveUpdate, 'approved', descriptions.approve);
    this.#answer(rejectUpdate, 'rejected', descriptions.reject);
  }

  get isAsked(): boolean {
    return this.#isAsked;
  }

  /**
   * Waits up to 24 hours for the answer.
   * @throws ApplicationFailure ApprovalTimedOut; its message begins with `what`
   */
  async ask(what: string): Promise<Decision> {
    this.#isAsked = true;
    await condition(() => this.#decision !== undefined, approvalPatienceMs);
    this.#isAsked = false;
    if (this.#decision !== undefined) return this.#decision;
    throw ApplicationFailure.create({
      type: 'ApprovalTimedOut',
      message: `${what} waited 24 hours for an approval. ${failures.ApprovalTimedOut.nextStep}`,
      nonRetryable: true,
    });
  }

  #answer(name: string, decision: Decision, description: string): void {
    const decide = () => {
      this.#decision = decision;
      return decision;
    };
    setHandler(defineUpdate<string>(name), decide, {
      description,
      validator: () => {
        if (!this.#isAsked || this.#decision !== undefined) {
          throw new Error('This run is not waiting for an approval.');
        }
      },
    });
  }
}
