/** No transaction should lock cases for longer than this: a person who saves a case waits for the lock. */
export const longestHoldMs = 50;

// A batch aims below the limit, because the same number of cases can take half as long again on a busy server.
const aimMs = 30;

/** The number of cases in the first batch. Nothing is known about the server yet. */
export const firstBatchCases = 100;

/** The largest batch. Above it, a case costs no less: the fixed cost of a transaction is spread thinly enough. */
export const mostBatchCases = 1000;

// Below it, most of the time is the fixed cost of a transaction: smaller batches would take longer and hold locks no shorter.
const leastBatchCases = 10;

// One fast batch may be luck, and after a case that could not be moved the next one may fail too: the size grows in steps.
const mostGrowth = 2;

/** What a committed batch of `cases` cost: for how long it locked them. */
export interface BatchCost {
  readonly cases: number;
  readonly heldMs: number;
}

/** The size of the batch that follows a committed one, so that it locks its cases for about 30 ms. */
export function nextBatchCases({ cases, heldMs }: BatchCost): number {
  const fitting = heldMs === 0 ? mostBatchCases : Math.floor((cases * aimMs) / heldMs);
  return Math.min(mostBatchCases, cases * mostGrowth, Math.max(leastBatchCases, fitting));
}
