import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { slowCases } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { randomRow, tablesAfter } from '../../generated/random-rows.ts';
import { npidataCsv, writeWeekly, type RowSpec } from '../../generated/release-zip.ts';

// Contract, rule 2: releases that arrive in any order leave the same tables as in period order.
const name = 'npi_order';
const weeks = ['20260907-20260913', '20260914-20260920', '20260921-20260927'] as const;

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MAX_REFUSED: '100%' });
});
afterAll(() => pipeline.stop());

const week = fc.array(randomRow, { minLength: 1, maxLength: 6 });
const order = fc.shuffledSubarray([0, 1, 2] as const, { minLength: 3, maxLength: 3 });

/** Without the logs, because they show the order. */
const tablesOf = (contents: readonly RowSpec[][], places: readonly (0 | 1 | 2)[]): Promise<unknown> =>
  tablesAfter(
    name,
    pipeline,
    places.map((place) => () => writeWeekly(pipeline.site, weeks[place], npidataCsv(contents[place] ?? []))),
    (place) => !place.includes('_log'),
  );

it('three random weeks leave the same tables in any order', { timeout: 900_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(week, week, week), order, async (contents, places) => {
      const inOrder = await tablesOf(contents, [0, 1, 2]);
      expect(await tablesOf(contents, places)).toEqual(inOrder);
    }),
    slowCases(1, 10),
  );
});
