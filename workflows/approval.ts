import { ApplicationFailure, condition, defineUpdate, setHandler } from '@temporalio/workflow';
import { failures } from '../contract/failures.ts';
import { approveUpdate, rejectUpdate } from '../contract/workflows.ts';

const approvalPatienceMs = 24 * 3_600_000;

export type Decision = 'approved' | 'rejected';

/** A run's question to a person: the updates `approve` and `reject` answer it, and nothing else does. */
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
   * Waits for the answer, 24 hours at most.
   * @throws ApplicationFailure ApprovalTimedOut, beginning with `what`
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
          throw new Error('This run does not wait for an approval.');
        }
      },
    });
  }
}
