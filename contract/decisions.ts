/** What people decide. The table `decision` keeps each decision with who made it and why. */
export type DecisionKind =
  | 'approve'
  | 'reject'
  | 'undo'
  | 'cancel'
  | 'replace'
  | 'rebuild'
  | 'rollback'
  | 'bring forward'
  | 'give up'
  | 'pause'
  | 'resume'
  | 'adopt';

/** Who decides and why. It is the input of the updates `approve` and `reject`, and part of the input of a run. */
export interface DecidedBy {
  readonly by?: string;
  readonly reason?: string;
}

/** A decision about the run that records it; `at` is ISO, UTC. */
export interface Decision extends DecidedBy {
  readonly what: DecisionKind;
  readonly by: string;
  readonly at: string;
}

/** The name of a person who did not give one, as in the Web UI. */
export const unknownPerson = 'unknown';

/** The longest texts, in characters. */
export const longestBy = 200;
export const longestReason = 1000;
