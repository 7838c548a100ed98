import { afterAll, beforeAll, expect, it } from 'vitest';
import { createBed, type AdoptionBed } from '../../bed/adoption-bed.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import type { ProductionRow } from '../../bed/production-database.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  stub,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';

// The old job's last weeks, then the first week of this service. The page still lists what the old job loaded.
const name = 'adopt_load';
const row = (index: number, table: 1 | 2, city: string): ProductionRow => ({
  table,
  npi: npi(index),
  values: {
    entity_type_code: String(table),
    provider_last_name: 'SMITH',
    provider_business_practice_location_address_city_name: city,
    last_update_date: '09/10/2026',
  },
});
const loaded = (city: string) => individual(1, 'JONES', '09/15/2026', { [cityHeader]: city });
const cityHeader = 'Provider Business Practice Location Address City Name';

let bed: AdoptionBed;
let adopted: Awaited<ReturnType<AdoptionBed['adopt']>>;
let pipeline: Pipeline;
beforeAll(async () => {
  bed = await createBed(name, [
    row(1, 1, 'AUSTIN'),
    row(1, 1, 'BOSTON'),
    row(2, 1, 'CHICAGO'),
    row(3, 2, 'DENVER'),
  ]);
  await bed.query(
    `INSERT INTO ${name}_app.npi_update_log (execution_ts, filename_processed, total_rows, total_0_rows, total_1_rows, total_2_rows)
     VALUES (NOW(), '/data/npidata_pfile_20260914-20260920.csv', 40, 1, 30, 9), (NOW(), 'search rebuild', NULL, NULL, NULL, NULL),
       (NOW(), 'npidata_pfile_20050523-20260913.csv', 1000, 100, 700, 200),
       (NOW(), '/data/npidata_pfile_20260914-20260920.csv', 41, 1, 31, 9)`,
  );
  adopted = await bed.adopt();
  pipeline = await startPipeline(name, { NPI_MIN_ROWS: '0%' });
});
afterAll(async () => {
  await pipeline.stop();
  await bed.drop();
});

it('loads the next week into an adopted database, but no week that the log of the old job names', async () => {
  expect(adopted).toMatchObject({
    code: 0,
    value: {
      releases: [
        'NPPES_Data_Dissemination_September_2026_V2.zip',
        'NPPES_Data_Dissemination_091426_092026_Weekly_V2.zip',
      ],
    },
  });
  await writeMonthly(pipeline.site, 'September_2026', '20260913', [loaded('WRONG MONTH')]);
  await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv([loaded('WRONG WEEK')]));
  await writeWeekly(
    pipeline.site,
    '20260921-20260927',
    npidataCsv([
      individual(1, 'QUINN', '09/22/2026', { [cityHeader]: 'A CITY' }),
      individual(2, 'OLD', '09/01/2026'),
      organization(4, 'MERCY', '09/22/2026'),
      stub(3, '09/23/2026'),
    ]),
  );
  const { releases } = await pipeline.run();
  expect(releases.map(({ release, counts }) => [release, counts])).toMatchObject([
    ['NPPES_Data_Dissemination_092126_092726_Weekly_V2', { rows: 4, inserted: 1, updated: 2, stale: 1 }],
  ]);
  expect(
    await pipeline.query(`SELECT npi, provider_last_name AS name FROM ${name}_app.npi_data_1 ORDER BY npi`),
  ).toEqual([
    { npi: Number(npi(1)), name: 'QUINN' },
    { npi: Number(npi(2)), name: 'SMITH' },
  ]);
  expect(await pipeline.query(`SELECT npi FROM ${name}_search.search_surgeon_q`)).toEqual([
    { npi: Number(npi(1)) },
  ]);
  expect(await pipeline.query(`SELECT npi FROM ${name}_search.search_facility_all`)).toEqual([
    { npi: Number(npi(4)) },
  ]);
  expect((await pipeline.run()).releases).toEqual([]);
});

it('a monthly that ends before the last logged week keeps all rows of that week', async () => {
  const gone = `SELECT npi_deactivation_date AS day FROM ${name}_app.npi_data_1 WHERE npi = ${npi(2)}`;
  await bed.query(`UPDATE ${name}_own.npi_release SET size_bytes = 1 WHERE kind = 'monthly'`);
  await writeMonthly(pipeline.site, 'September_2026', '20260913', [
    individual(1, 'EARLIER', '09/22/2026'),
    individual(9, 'ONLY HERE', '09/01/2026'),
  ]);
  expect((await pipeline.run({ replace: true })).releases).toMatchObject([
    { kind: 'monthly', counts: { inserted: 1 } },
  ]);
  expect(await bed.query(gone)).toEqual([{ day: '' }]);
  expect(await bed.query(`SELECT COUNT(*) AS n FROM ${name}_search.search_surgeon_all`)).toEqual([{ n: 3 }]);
});
