import { expect, it } from 'vitest';
import {
  firstBatchCases,
  longestHoldMs,
  mostBatchCases,
  nextBatchCases,
} from '../../../db/cases/batch-size.ts';

/** The sizes of the batches on a server that needs `fixedMs` for a transaction and `msPerCase` for each case. */
function sizesOn(server: { fixedMs: number; msPerCase: number }, count: number, first = firstBatchCases) {
  const sizes = [first];
  for (let cases = first; sizes.length < count; sizes.push(cases))
    cases = nextBatchCases({ cases, heldMs: server.fixedMs + cases * server.msPerCase });
  return sizes;
}

it('grows from a small batch to the largest one on a fast server, at most twofold each time', () => {
  expect(sizesOn({ fixedMs: 2, msPerCase: 0.02 }, 6)).toEqual([100, 200, 400, 800, 1000, 1000]);
});

it('settles on batches that lock their cases for less than the limit on a slow server', () => {
  const server = { fixedMs: 8, msPerCase: 0.2 };
  const settled = sizesOn(server, 20).slice(10);
  for (const cases of settled) expect(server.fixedMs + cases * server.msPerCase).toBeLessThan(longestHoldMs);
  expect(Math.min(...settled)).toBeGreaterThan(90);
});

it('shrinks at once when a batch took too long', () => {
  expect(nextBatchCases({ cases: 1000, heldMs: 1000 })).toBe(30);
});

it('keeps a few cases in a batch on a server where every transaction is slow', () => {
  expect(sizesOn({ fixedMs: 400, msPerCase: 1 }, 6)).toEqual([100, 10, 10, 10, 10, 10]);
});

it.each([
  ['a case that could not be moved', { cases: 1, heldMs: 0 }, 2],
  ['a batch of the largest size', { cases: mostBatchCases, heldMs: 1 }, mostBatchCases],
])('is in range after %s', (_name, cost, next) => {
  expect(nextBatchCases(cost)).toBe(next);
});
