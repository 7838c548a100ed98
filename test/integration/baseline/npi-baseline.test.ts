import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { slowCases, exhaustive, sampleOf } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { isOfRegistry, randomIndex, randomRow, tablesAfter } from '../../generated/random-rows.ts';
import { headersByYear } from '../../generated/headers.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  stub,
  weeklyName,
  writeMonthly,
  writeWeekly,
  type RowSpec,
} from '../../generated/release-zip.ts';

const name = 'npi_baseline';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MAX_REFUSED: '100%', NPI_MIN_ROWS: '0%' });
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
  it('fills providers, search, ledger and logs of empty tables', async () => {
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

it('keeps any number of rows that later weeks brought', exhaustive, async () => {
  // By default MySQL cuts the result of GROUP_CONCAT after 1,024 bytes, which is 93 NPIs.
  const brought = Array.from({ length: 400 }, (_, i) => individual(i + 1, 'LATER', '09/15/2026'));
  await week('20260914-20260920', brought);
  await pipeline.run();
  await september([individual(1, 'EARLIER', '09/01/2026'), individual(900, 'ONLY', '09/01/2026')]);
  // Its counts say what it does in its place in the order, before the later week.
  expect(await pipeline.run()).toMatchObject({ releases: [{ counts: { inserted: 2, stale: 0 } }] });
  expect(await surgeons('l')).toHaveLength(400);
  expect(await surgeons('all')).toHaveLength(401);
});

it.each(sampleOf(headersByYear, 1))('loads a monthly with the header of %i', async (_year, header) => {
  // A column far behind the name columns.
  const code = 'Healthcare Provider Taxonomy Code_15';
  const provider = individual(1, 'SMITH', '09/01/2026', { [code]: '207R00000X' });
  const others = [organization(2, 'MERCY', '09/01/2026')];
  await writeMonthly(pipeline.site, 'September_2026', '20260913', [provider, ...others], header);
  expect((await pipeline.run()).releases[0]?.counts).toMatchObject({ rows: 2, inserted: 2 });
  const found = await pipeline.query(
    `SELECT npi, provider_last_name AS last, healthcare_provider_taxonomy_code_15 AS code FROM ${name}_app.npi_data_1`,
  );
  expect(found).toEqual([{ npi: Number(npi(1)), last: 'SMITH', code: '207R00000X' }]);
});

describe('a new version of a monthly that lacks a provider of the first version', () => {
  const others = [organization(50, 'NEW', '09/01/2026'), organization(51, 'NEW', '09/01/2026')];
  const rowOf = (type: number) =>
    pipeline.query(
      `SELECT npi, npi_deactivation_date AS deactivation FROM ${name}_app.npi_data_${type} WHERE npi = ${npi(1)}`,
    );

  it('keeps the row of a later week that was too old for the first version', exhaustive, async () => {
    await september([individual(1, 'SMITH', '09/10/2026')]);
    await pipeline.run();
    await week('20260914-20260920', [individual(1, 'JONES', '09/05/2026')]);
    expect(await pipeline.run()).toMatchObject({ releases: [{ counts: { stale: 1 } }] });
    await september(others);
    await pipeline.run();
    expect(await surgeons('s')).toEqual([]);
    expect(await surgeons('j')).toEqual([expect.objectContaining({ last_name: 'JONES' })]);
  });

  it('keeps the deactivation of a later week that a reactivation had replaced', exhaustive, async () => {
    const dates = { 'NPI Deactivation Date': '01/01/2026', 'NPI Reactivation Date': '09/12/2026' };
    await september([individual(1, 'SMITH', '09/10/2026', dates)]);
    await pipeline.run();
    await week('20260914-20260920', [stub(1, '09/05/2026')]);
    expect(await pipeline.run()).toMatchObject({ releases: [{ counts: { stale: 1 } }] });
    await september(others);
    await pipeline.run();
    expect(await rowOf(1)).toEqual([]);
    expect(await rowOf(0)).toEqual([expect.objectContaining({ deactivation: '09/05/2026' })]);
  });
});

const row: fc.Arbitrary<RowSpec> = fc.oneof(
  { weight: 9, arbitrary: randomRow },
  { weight: 1, arbitrary: randomIndex.map((of) => ({ NPI: npi(of), 'Entity Type Code': '3' })) },
);
const rows = fc.array(row, { minLength: 1, maxLength: 6 });

it(
  'brings back the row of a later week that an earlier week, loaded late, had overwritten',
  exhaustive,
  async () => {
    await week('20260921-20260927', [individual(1, 'JONES', '09/03/2026')]);
    await pipeline.run();
    await week(firstWeek, [individual(1, 'SMITH', '09/21/2026')]);
    await pipeline.run();
    expect(await surgeons('s')).toEqual([expect.objectContaining({ last_name: 'SMITH' })]);
    // The monthly lies between the two weeks and does not contain the provider, so the row of the earlier week goes.
    await september(padding);
    await pipeline.run();
    expect(await surgeons('s')).toEqual([]);
    expect(await surgeons('j')).toEqual([expect.objectContaining({ last_name: 'JONES' })]);
  },
);

it(
  'brings back the row of a later week that the first version of a monthly had replaced',
  exhaustive,
  async () => {
    await week('20260914-20260920', [individual(1, 'JONES', '09/18/2026')]);
    await pipeline.run();
    await september([individual(1, 'SMITH', '09/26/2026')]);
    await pipeline.run();
    expect(await surgeons('s')).toEqual([expect.objectContaining({ last_name: 'SMITH' })]);
    await september(padding);
    await pipeline.run();
    expect(await surgeons('s')).toEqual([]);
    expect(await surgeons('j')).toEqual([expect.objectContaining({ last_name: 'JONES' })]);
  },
);

const leftBy = (releases: readonly (() => Promise<unknown>)[]) =>
  tablesAfter(name, pipeline, releases, isOfRegistry);

const superseded = async () =>
  (await pipeline.query<{ file: string }>('SELECT file_name AS file FROM npi_superseded')).map(
    ({ file }) => file,
  );

// A case is up to ten runs of the pipeline: about ten seconds, or three times that on a busy machine.
const firstWeek = '20260907-20260913';
const padding = Array.from({ length: 40 }, (_, i) => organization(50 + i, 'NEW', '09/01/2026'));
type Place = 'w1' | 'm' | 'again' | 'w2' | 'w3';
const inOrder: readonly Place[] = ['w1', 'm', 'again', 'w2', 'w3'];

it(
  'a monthly, its new version and the weeks around them leave the same tables in any order of arrival',
  { ...exhaustive, timeout: 900_000 },
  async () => {
    const arrival = fc
      .tuple(fc.shuffledSubarray([...inOrder], { minLength: 5, maxLength: 5 }), fc.boolean())
      // The version that arrives first is the first version. Half of the cases have no second one.
      .map(([places, hasNewVersion]) => {
        const first = Math.min(places.indexOf('m'), places.indexOf('again'));
        const versions = places.map((place, i) =>
          place === 'm' || place === 'again' ? (i === first ? 'm' : 'again') : place,
        );
        return versions.filter((place) => hasNewVersion || place !== 'again');
      });
    await fc.assert(
      fc.asyncProperty(fc.tuple(rows, rows, rows, rows, rows), arrival, async (contents, places) => {
        const [before, monthly, newVersion, after, last] = contents;
        const releases: Readonly<Record<Place, () => Promise<unknown>>> = {
          w1: () => week(firstWeek, before),
          m: () => september(monthly),
          // Always longer than the first version, because the page distinguishes them by their length.
          again: () => september([...newVersion, ...padding]),
          w2: () => week('20260914-20260920', after),
          w3: () => week('20260921-20260927', last),
        };
        const isLate = places.indexOf('w1') > places.indexOf('m');
        const wanted = inOrder.filter((place) => places.includes(place) && !(isLate && place === 'w1'));
        const expected = await leftBy(wanted.map((place) => releases[place]));
        expect(await leftBy(places.map((place) => releases[place]))).toEqual(expected);
        expect(await superseded()).toEqual(isLate ? [weeklyName(firstWeek)] : []);
      }),
      slowCases(1, 8),
    );
  },
);

describe('a monthly whose member names another period than its zip', () => {
  const known = [individual(1, 'SMITH', '09/01/2026')];

  it('and ends later also holds the following week', exhaustive, async () => {
    await writeMonthly(pipeline.site, 'September_2026', '20260920', known);
    await week('20260914-20260920', [individual(2, 'JONES', '09/15/2026')]);
    const { releases, remarks } = await pipeline.run();
    expect(releases).toHaveLength(1);
    expect(remarks.join()).toContain(
      'covers the days up to 2026-09-20, according to the file inside the zip',
    );
    expect(await superseded()).toEqual([weeklyName('20260914-20260920')]);
    expect(await surgeons('all')).toHaveLength(1);
    expect((await pipeline.run()).outcome).toBe('nothing due');
  });

  it('and ends earlier is followed by the week that its zip name seemed to hold', exhaustive, async () => {
    await writeMonthly(pipeline.site, 'September_2026', '20260906', known);
    await week(firstWeek, [individual(2, 'JONES', '09/08/2026')]);
    expect((await pipeline.run()).releases).toHaveLength(2);
    expect(await superseded()).toEqual([]);
    expect(await surgeons('all')).toHaveLength(2);
    expect((await pipeline.run()).outcome).toBe('nothing due');
  });
});

it(
  'a week whose member names days that the monthly holds is superseded, even if its zip has another name',
  exhaustive,
  async () => {
    await september([individual(1, 'SMITH', '09/01/2026')]);
    await pipeline.run();
    const csv = npidataCsv([individual(1, 'JONES', '09/02/2026')]);
    await writeWeekly(pipeline.site, firstWeek, csv, weeklyName('20260914-20260920'));
    const { releases, remarks } = await pipeline.run();
    expect(releases).toEqual([]);
    expect(remarks.join()).toContain(
      'is not loaded: NPPES_Data_Dissemination_September_2026_V2.zip already covers its period',
    );
    expect(await superseded()).toEqual([weeklyName('20260914-20260920')]);
    expect(await surgeons('j')).toEqual([]);
    expect((await pipeline.run()).outcome).toBe('nothing due');
  },
);

it('keeps the values of a column that the application added', exhaustive, async () => {
  await september([individual(1, 'SMITH', '09/01/2026'), individual(2, 'JONES', '09/01/2026')]);
  await pipeline.run();
  await pipeline.query(`ALTER TABLE ${name}_app.npi_data_1 ADD COLUMN our_note VARCHAR(20) NULL`);
  try {
    await pipeline.query(`UPDATE ${name}_app.npi_data_1 SET our_note = provider_last_name`);
    await september([
      ...padding,
      individual(1, 'MILLER', '09/02/2026'),
      individual(2, 'JONES', '09/01/2026'),
    ]);
    await pipeline.run();
    expect(
      await pipeline.query(
        `SELECT provider_last_name AS name, our_note AS note FROM ${name}_app.npi_data_1 ORDER BY npi`,
      ),
    ).toEqual([
      { name: 'MILLER', note: 'SMITH' },
      { name: 'JONES', note: 'JONES' },
    ]);
  } finally {
    await pipeline.query(`ALTER TABLE ${name}_app.npi_data_1 DROP COLUMN our_note`);
  }
});
