import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { traces } from '../crash/bed.ts';
import { startPipeline, type Pipeline } from '../pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  stub,
  writeMonthly,
  writeWeekly,
  type RowSpec,
} from '../release-zip.ts';

const name = 'npi_baseline';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MAX_REFUSED: '100%' });
});
beforeEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const september = (rows: readonly RowSpec[]) =>
  writeMonthly(pipeline.site, 'September_2026', '20260913', rows);
const week = (period: string, rows: readonly RowSpec[]) =>
  writeWeekly(pipeline.site, period, npidataCsv(rows));

const surgeons = (suffix: string) =>
  pipeline.query<{ npi: number }>(
    `SELECT npi, first_name, last_name FROM ${name}_search.search_surgeon_${suffix} ORDER BY npi`,
  );

describe('a monthly', () => {
  it('onto empty tables: providers, search, ledger and logs', async () => {
    await september([
      individual(1, 'SMITH', '09/01/2026', { 'Provider First Name': 'ANN' }),
      individual(2, 'ÉCLAIR', '09/01/2026'),
      individual(3, '3M', '09/01/2026'),
      individual(4, 'O"NEIL\tX', '09/01/2026'),
      organization(5, 'MERCY', '09/01/2026'),
      stub(6, '01/02/2020'),
      individual(7, 'OLD', '08/01/2026'),
      individual(7, 'NEW', '08/02/2026'),
      individual(8, 'GONE', '08/01/2026', { 'NPI Deactivation Date': '08/05/2026' }),
      { NPI: '1234567890', 'Entity Type Code': '1' },
    ]);
    const { outcome, releases } = await pipeline.run();
    expect(outcome).toBe('published');
    expect(releases[0]?.counts).toEqual({
      rows: 10,
      inserted: 8,
      updated: 0,
      unchanged: 0,
      stale: 0,
      deactivated: 1,
      refused: 1,
      duplicates: 1,
    });
    expect((await surgeons('e')).map(({ npi: found }) => String(found))).toEqual([npi(2)]);
    expect((await surgeons('a')).map(({ npi: found }) => String(found))).toEqual([npi(3)]);
    expect((await surgeons('o')).map(({ npi: found }) => String(found))).toEqual([npi(4)]);
    expect((await surgeons('n')).map(({ npi: found }) => String(found))).toEqual([npi(7)]);
    expect(await surgeons('all')).toHaveLength(5);
    expect(await pipeline.query(`SELECT total_rows AS total FROM ${name}_app.npi_update_log`)).toEqual([
      { total: 10 },
    ]);
    expect(await pipeline.query(`SELECT reason FROM ${name}_own.npi_quarantine`)).toHaveLength(1);
    expect(await pipeline.query(`SELECT 1 FROM ${name}_app.npi_search_table_log`)).toHaveLength(54);
    expect(
      await pipeline.query(
        `SELECT table_name FROM information_schema.tables WHERE table_schema = '${name}_own' AND table_name REGEXP 'npi_(shadow_.*_npi|old)_'`,
      ),
    ).toEqual([]);
    expect((await pipeline.run()).outcome).toBe('nothing due');
  });
});

it('a later week outlives a monthly, however many providers it has brought', async () => {
  const many = Array.from({ length: 300 }, (_, i) => individual(100 + i, 'LATER', '09/15/2026'));
  await week('20260914-20260920', many);
  await pipeline.run();
  await september([individual(1, 'SMITH', '09/01/2026')]);
  await pipeline.run();
  expect(await surgeons('l')).toHaveLength(many.length);
  expect(await surgeons('all')).toHaveLength(many.length + 1);
});

const day = fc.integer({ min: 1, max: 28 }).map((date) => `09/${String(date).padStart(2, '0')}/2026`);
const index = fc.integer({ min: 1, max: 4 });
const lastName = fc.constantFrom('SMITH', 'ÉCLAIR', 'ØRSTED', '3M', '', ' LEE');
const row: fc.Arbitrary<RowSpec> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(index, lastName, day).map((of) => individual(...of)) },
  { weight: 2, arbitrary: fc.tuple(index, lastName, day).map((of) => organization(...of)) },
  { weight: 3, arbitrary: fc.tuple(index, day).map((of) => stub(...of)) },
  { weight: 1, arbitrary: index.map((of) => ({ NPI: npi(of), 'Entity Type Code': '3' })) },
  fc.tuple(index, lastName, day, day, day).map(([of, named, update, deactivation, reactivation]) =>
    individual(of, named, update, {
      'NPI Deactivation Date': deactivation,
      'NPI Reactivation Date': reactivation,
    }),
  ),
);
const rows = fc.array(row, { minLength: 1, maxLength: 6 });

/** The tables after the releases have come one by one, without the logs, which tell the order. */
async function tablesAfter(releases: readonly (() => Promise<unknown>)[]): Promise<unknown> {
  await pipeline.reset();
  for (const release of releases) {
    await release();
    await pipeline.run();
  }
  const { tables } = (await traces(name, pipeline)) as { tables: { place: string }[] };
  return tables.filter(({ place }) => /_app\.npi_data|_search\./.test(place));
}

it('a monthly that comes after later weeks leaves the tables of their order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(rows, rows, rows, rows), async ([before, monthly, after, last]) => {
      const w1 = () => week('20260907-20260913', before);
      const m = () => september(monthly);
      const w2 = () => week('20260914-20260920', after);
      const w3 = () => week('20260921-20260927', last);
      const inOrder = await tablesAfter([w1, m, w2, w3]);
      expect(await tablesAfter([w1, w2, m, w3])).toEqual(inOrder);
      expect(await tablesAfter([w1, w2, w3, m])).toEqual(inOrder);
    }),
    { numRuns: Number(process.env['ORDER_RUNS'] ?? 5) },
  );
});
