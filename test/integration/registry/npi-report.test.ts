import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { slowCases, exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { isOfRegistry, randomDay, randomIndex, randomRow, tablesAfter } from '../../generated/random-rows.ts';
import {
  individual,
  npi,
  npidataCsv,
  stub,
  writeMonthly,
  writeReport,
  writeWeekly,
  type RowSpec,
} from '../../generated/release-zip.ts';

const name = 'npi_report';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MAX_REFUSED: '100%', NPI_MIN_ROWS: '0%' });
});
beforeEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

type Entry = readonly [index: number, date: string];
const report = (day: string, entries: readonly Entry[]) =>
  writeReport(
    pipeline.site,
    day,
    entries.map(([index, date]) => ({ npi: npi(index), date })),
  );
const week = (period: string, rows: readonly RowSpec[]) =>
  writeWeekly(pipeline.site, period, npidataCsv(rows));

/** `<table>: <index> <deactivation date>` of every provider, in the order of their NPIs. */
async function deactivations(): Promise<string[]> {
  const of = (type: number) =>
    `SELECT ${type} AS type, npi, npi_deactivation_date AS day FROM ${name}_app.npi_data_${type}`;
  const found = await pipeline.query<{ type: number; npi: number; day: string }>(
    `${[0, 1, 2].map(of).join(' UNION ALL ')} ORDER BY npi`,
  );
  return found.map(({ type, npi: number, day }) => `${type}: ${String(number).slice(1, 9)} ${day}`);
}
const shown = (type: number, index: number, day: string) =>
  `${type}: ${String(index).padStart(8, '0')} ${day}`;

it('an entry deactivates a known provider, which keeps its data and leaves the search, or adds a stub of an unknown one', async () => {
  await week('20260907-20260913', [
    individual(1, 'SMITH', '09/01/2026'),
    individual(2, 'JONES', '09/01/2026', {
      'NPI Deactivation Date': '01/01/2026',
      'NPI Reactivation Date': '09/02/2026',
    }),
    individual(3, 'LATER', '09/20/2026'),
    individual(4, 'ACTIVE', '09/01/2026'),
    stub(5, '05/05/2020'),
    stub(6, '06/06/2020'),
  ]);
  await report('091426', [
    [1, '09/10/2026'],
    [2, '09/02/2026'],
    [3, '09/10/2026'],
    [5, '05/05/2020'],
    [7, '07/07/2019'],
    [7, '07/08/2019'],
    [8, 'soon'],
  ]);
  const { releases, remarks } = await pipeline.run();
  expect(releases.map(({ counts }) => counts).at(-1)).toEqual({
    rows: 7,
    inserted: 1,
    updated: 1,
    unchanged: 1,
    stale: 2,
    deactivated: 2,
    refused: 1,
    duplicates: 1,
  });
  expect(await deactivations()).toEqual([
    shown(1, 1, '09/10/2026'),
    shown(1, 2, '01/01/2026'),
    shown(1, 3, ''),
    shown(1, 4, ''),
    shown(0, 5, '05/05/2020'),
    shown(0, 6, '06/06/2020'),
    shown(0, 7, '07/08/2019'),
  ]);
  expect(
    await pipeline.query(`SELECT last_name AS name FROM ${name}_search.search_surgeon_all ORDER BY npi`),
  ).toEqual([{ name: 'JONES' }, { name: 'LATER' }, { name: 'ACTIVE' }]);
  expect(remarks.join()).toContain('1 providers are deactivated here but missing from the newest report');
  expect(await pipeline.query('SELECT npi FROM npi_unreported')).toEqual([{ npi: Number(npi(6)) }]);
  const log = await pipeline.query(
    `SELECT filename_processed AS file, total_rows AS total, total_0_rows AS stubs FROM ${name}_app.npi_update_log`,
  );
  expect(log).toContainEqual({ file: 'NPPES Deactivated NPI Report 20260914.xlsx', total: 7, stubs: 7 });
  expect((await surgicase(['npi', 'status'], pipeline.env)).out).toMatch(
    /deactivated +NPPES_Deactivated_NPI_Report_091426_V2/,
  );
  expect((await pipeline.run()).outcome).toBe('nothing due');
});

it('records every provider that a report lists, also those that the report before it listed', async () => {
  await report('091426', [
    [1, '01/01/2020'],
    [2, '02/02/2020'],
  ]);
  await pipeline.run();
  await report('092126', [
    [1, '01/01/2020'],
    [3, '03/03/2020'],
  ]);
  await pipeline.run();
  const versions = await pipeline.query(
    'SELECT npi, release_id DIV 10000 AS day, kind, stub_date AS date FROM npi_version ORDER BY npi, day',
  );
  expect(versions).toEqual([
    { npi: Number(npi(1)), day: 20260914, kind: 'changed', date: '01/01/2020' },
    { npi: Number(npi(1)), day: 20260921, kind: 'same', date: '01/01/2020' },
    { npi: Number(npi(2)), day: 20260914, kind: 'changed', date: '02/02/2020' },
    { npi: Number(npi(3)), day: 20260921, kind: 'changed', date: '03/03/2020' },
  ]);
  expect(await pipeline.query('SELECT npi FROM npi_unreported')).toEqual([{ npi: Number(npi(2)) }]);
});

const rows = fc.array(randomRow, { minLength: 1, maxLength: 6 });
const entries = fc.array(fc.tuple(randomIndex, randomDay), { minLength: 1, maxLength: 4 });
const places = ['w1', 'm', 'r1', 'w2', 'r2'] as const;
type Place = (typeof places)[number];

const leftBy = (releases: readonly (() => Promise<unknown>)[]) =>
  tablesAfter(name, pipeline, releases, isOfRegistry);

// A case is up to ten runs of the pipeline: about ten seconds, or three times that on a busy machine.
it(
  'weeks, a monthly and reports leave the same tables in any order of arrival',
  { ...exhaustive, timeout: 900_000 },
  async () => {
    const arrival = fc
      .shuffledSubarray([...places], { minLength: 5, maxLength: 5 })
      // An older report is not loaded after a newer one, because each report is the full list.
      .filter((order) => order.indexOf('r1') < order.indexOf('r2'));
    await fc.assert(
      fc.asyncProperty(rows, rows, rows, entries, entries, arrival, async (w1, m, w2, r1, r2, order) => {
        const releases: Readonly<Record<Place, () => Promise<unknown>>> = {
          w1: () => week('20260907-20260913', w1),
          m: () => writeMonthly(pipeline.site, 'September_2026', '20260913', m),
          r1: () => report('091426', r1),
          w2: () => week('20260914-20260920', w2),
          r2: () => report('092126', r2),
        };
        const isLate = order.indexOf('w1') > order.indexOf('m');
        const inOrder = places.filter((place) => !(isLate && place === 'w1'));
        const expected = await leftBy(inOrder.map((place) => releases[place]));
        expect(await leftBy(order.map((place) => releases[place]))).toEqual(expected);
      }),
      slowCases(1, 4),
    );
  },
);
