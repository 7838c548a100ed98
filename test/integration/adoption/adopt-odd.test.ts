import { afterEach, beforeEach, expect, it } from 'vitest';
import { createBed, type AdoptionBed } from '../../bed/adoption-bed.ts';
import type { ProductionRow } from '../../bed/production-database.ts';
import { startPipeline } from '../../bed/pipeline.ts';
import { individual, npi, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

// Databases that differ more from the schema than the known production database.
const name = 'adopt_odd';
const app = `${name}_app`;

const provider = (index: number, values: ProductionRow['values']): ProductionRow => ({
  table: values.entity_type_code === '1' ? 1 : 0,
  npi: npi(index),
  values,
});
const surgeon = (index: number, more: ProductionRow['values'] = {}) =>
  provider(index, {
    entity_type_code: '1',
    provider_last_name: 'SMITH',
    last_update_date: '01/02/2020',
    ...more,
  });

let bed: AdoptionBed;
beforeEach(async () => {
  bed = await createBed(name, [
    surgeon(1),
    surgeon(1, { last_update_date: '01/03/2020' }),
    surgeon(2, { npi_deactivation_date: '05/01/2026' }),
    provider(2, { npi_deactivation_date: '01/01/2025' }),
    surgeon(3, { npi_deactivation_date: '01/01/2024' }),
    provider(3, { npi_deactivation_date: '01/01/2025' }),
  ]);
});
afterEach(() => bed.drop());

it(
  'a full row keeps its deactivation date over an older stub, and takes the date of a newer stub',
  exhaustive,
  async () => {
    expect((await bed.adopt()).code).toBe(0);
    expect(
      await bed.query(`SELECT npi_deactivation_date AS day FROM ${app}.npi_data_1 ORDER BY npi`),
    ).toEqual([{ day: '' }, { day: '05/01/2026' }, { day: '01/01/2025' }]);
  },
);

it('converts texts in another collation, then loads the next week', exhaustive, async () => {
  for (const table of ['npi_data_0', 'npi_data_1', 'npi_data_2'])
    await bed.query(`ALTER TABLE ${app}.${table} CONVERT TO CHARACTER SET latin1`);
  await bed.query(
    `ALTER TABLE ${name}_search.search_surgeon_all CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`,
  );
  const dry = await bed.adopt('--dry-run');
  expect(JSON.stringify(dry.value)).toContain('CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci');
  expect(await bed.adopt()).toMatchObject({ code: 0, value: { outcome: 'adopted' } });
  const pipeline = await startPipeline(name);
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv([individual(1, 'ŁUKASZ', '09/08/2026')]));
  expect((await pipeline.run()).outcome).toBe('published');
  expect(await bed.query(`SELECT last_name AS name FROM ${name}_search.search_surgeon_l`)).toEqual([
    { name: 'ŁUKASZ' },
  ]);
  await pipeline.stop();
});

it.each([
  ['ADD COLUMN id INT NOT NULL AUTO_INCREMENT, ADD UNIQUE KEY (id)', 'is AUTO_INCREMENT'],
  ['ADD COLUMN owner INT NOT NULL', 'is NOT NULL without a default'],
  ['MODIFY npi VARCHAR(10)', 'is not a BIGINT'],
  ['ENGINE = MyISAM', 'uses the engine MyISAM'],
])('the dry run names %s as an obstacle', async (change, words) => {
  await bed.query(`ALTER TABLE ${app}.npi_data_1 ${change}`);
  for (const options of [['--dry-run'], []]) {
    const { code, value, err } = await bed.adopt(...options);
    expect([code, JSON.stringify(value) + err]).toEqual([1, expect.stringContaining(words)]);
  }
});

it('an unforeseen obstacle ends with the message of the server and changes nothing', exhaustive, async () => {
  await bed.query(`ALTER TABLE ${app}.npi_data_1 ADD CHECK (provider_first_name <> '')`);
  const before = await bed.query(`CHECKSUM TABLE ${app}.npi_data_1`);
  const { code, value } = await bed.adopt();
  expect([code, JSON.stringify(value)]).toEqual([1, expect.stringContaining('cannot be adopted as it is')]);
  expect(await bed.query(`CHECKSUM TABLE ${app}.npi_data_1`)).toEqual(before);
});

it(
  'adopts tables whose primary key the server generated, as with sql_generate_invisible_primary_key',
  exhaustive,
  async () => {
    for (const table of [`${app}.npi_data_0`, `${app}.npi_data_1`, `${name}_search.search_surgeon_all`]) {
      await bed.query(
        `ALTER TABLE ${table} ADD COLUMN my_row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY FIRST`,
      );
    }
    expect(await bed.adopt()).toMatchObject({ code: 0, value: { outcome: 'adopted' } });
    expect(
      await bed.query(`SELECT COUNT(*) AS found FROM information_schema.columns
      WHERE table_schema IN ('${app}', '${name}_search') AND column_name = 'my_row_id'`),
    ).toEqual([{ found: 0 }]);
    expect(await bed.query(`SHOW KEYS FROM ${app}.npi_data_1 WHERE Key_name = 'PRIMARY'`)).toMatchObject([
      { Column_name: 'npi' },
    ]);
  },
);

it('keeps columns whose names have spaces and capitals', exhaustive, async () => {
  await bed.query(
    `ALTER TABLE ${app}.npi_data_1 ADD COLUMN \`Our remark\` VARCHAR(20) DEFAULT 'kept',
       RENAME COLUMN provider_first_name TO Provider_First_Name, ADD KEY \`our key\` (\`Our remark\`)`,
  );
  expect(await bed.adopt()).toMatchObject({ code: 0, value: { outcome: 'adopted' } });
  expect(await bed.query(`SELECT DISTINCT \`Our remark\` AS remark FROM ${app}.npi_data_1`)).toEqual([
    { remark: 'kept' },
  ]);
});
