import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exhaustive, slowCases } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { isOfRegistry, randomRow, tablesAfter } from '../../generated/random-rows.ts';
import {
  npidataCsv,
  organization,
  writeMonthly,
  writeWeekly,
  type RowSpec,
} from '../../generated/release-zip.ts';

// A database of the version before has stubs and stale rows, but not what releases replaced: its history begins with its
// newest release. Releases that arrive late still leave the tables of their order.
const name = 'npi_upgrade';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MAX_REFUSED: '100%', NPI_MIN_ROWS: '0%' });
});
afterAll(() => pipeline.stop());

const week = (period: string, rows: readonly RowSpec[]) => () =>
  writeWeekly(pipeline.site, period, npidataCsv(rows));
const monthly = (rows: readonly RowSpec[]) => () =>
  writeMonthly(pipeline.site, 'September_2026', '20260913', rows);

/** Leaves of the history what the version before had. */
async function forgetReplaced(): Promise<void> {
  await pipeline.query("DELETE FROM npi_version WHERE kind <> 'stale' AND stub_date IS NULL");
  await pipeline.query(
    "UPDATE npi_version SET kind = 'stale', place = NULL, data_release = NULL, deactivation_release = NULL",
  );
  await pipeline.query('DELETE FROM npi_history');
  await pipeline.query('INSERT INTO npi_history SELECT MAX(release_id) FROM npi_release');
}

const rows = fc.array(randomRow, { minLength: 1, maxLength: 6 });
const isCompared = (place: string) => isOfRegistry(place) && !place.includes('npi_version');
const padding = Array.from({ length: 40 }, (_, i) => organization(50 + i, 'NEW', '09/01/2026'));

it(
  'a week that arrives after the migration leaves the same tables as in its place',
  { ...exhaustive, timeout: 600_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(rows, rows, rows, async (one, two, three) => {
        const [first, second, third] = [
          week('20260907-20260913', one),
          week('20260914-20260920', two),
          week('20260921-20260927', three),
        ];
        const expected = await tablesAfter(name, pipeline, [first, second, third], isCompared);
        const late = [first, third, forgetReplaced, second];
        expect(await tablesAfter(name, pipeline, late, isCompared)).toEqual(expected);
      }),
      slowCases(1, 5),
    );
  },
);

it(
  'a new version of a monthly after the migration leaves the same tables as in its place',
  { ...exhaustive, timeout: 600_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(rows, rows, rows, async (one, two, three) => {
        const [first, again] = [monthly(one), monthly([...two, ...padding])];
        const later = week('20260914-20260920', three);
        const expected = await tablesAfter(name, pipeline, [first, again, later], isCompared);
        const late = [first, later, forgetReplaced, again];
        expect(await tablesAfter(name, pipeline, late, isCompared)).toEqual(expected);
      }),
      slowCases(1, 3),
    );
  },
);
