import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { traces } from '../crash/bed.ts';
import { startPipeline, type Pipeline } from '../pipeline.ts';
import { individual, npidataCsv, organization, stub, writeWeekly, type RowSpec } from '../release-zip.ts';

// Contract, rule 2: releases arriving in any order leave the tables that period order would have left.
const name = 'npi_order';
const weeks = ['20260907-20260913', '20260914-20260920', '20260921-20260927'] as const;

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MAX_REFUSED: '100%' });
});
afterAll(() => pipeline.stop());

const day = fc.integer({ min: 1, max: 28 }).map((date) => `09/${String(date).padStart(2, '0')}/2026`);
const index = fc.integer({ min: 1, max: 4 });
const lastName = fc.constantFrom('SMITH', 'ÉCLAIR', 'ØRSTED', '3M', '', ' LEE');
const row: fc.Arbitrary<RowSpec> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(index, lastName, day).map((of) => individual(...of)) },
  { weight: 2, arbitrary: fc.tuple(index, lastName, day).map((of) => organization(...of)) },
  { weight: 3, arbitrary: fc.tuple(index, day).map((of) => stub(...of)) },
  fc.tuple(index, lastName, day, day, day).map(([of, named, update, deactivation, reactivation]) =>
    individual(of, named, update, {
      'NPI Deactivation Date': deactivation,
      'NPI Reactivation Date': reactivation,
    }),
  ),
);
const week = fc.array(row, { minLength: 1, maxLength: 6 });
const order = fc.shuffledSubarray([0, 1, 2] as const, { minLength: 3, maxLength: 3 });

/** The tables after the weeks have come one by one, without the logs, which tell the order. */
async function tablesAfter(contents: readonly RowSpec[][], places: readonly (0 | 1 | 2)[]): Promise<unknown> {
  await pipeline.reset();
  for (const place of places) {
    await writeWeekly(pipeline.site, weeks[place], npidataCsv(contents[place] ?? []));
    await pipeline.run();
  }
  const { tables } = (await traces(name, pipeline)) as { tables: { place: string }[] };
  return tables.filter(({ place }) => !place.includes('_log'));
}

it('any order of three random weeks leaves the same tables', async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(week, week, week), order, async (contents, places) => {
      const inOrder = await tablesAfter(contents, [0, 1, 2]);
      expect(await tablesAfter(contents, places)).toEqual(inOrder);
    }),
    { numRuns: Number(process.env['ORDER_RUNS'] ?? 5) },
  );
});
