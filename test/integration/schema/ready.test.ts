import { getTableConfig } from 'drizzle-orm/mysql-core';
import { afterAll, describe, expect, it } from 'vitest';
import { npiColumns } from '../../../db/schema/npi-columns.ts';
import { migrate } from '../../../db/schema/migrate.ts';
import { loadObstacles } from '../../../db/schema/ready.ts';
import { ownTables } from '../../../db/schema/schema.ts';
import type { Session } from '../../../db/connection/session.ts';
import { searchLetters, type Schemas } from '../../../db/schema/tables.ts';
import { openDatabase } from '../../bed/database.ts';
import { startPipeline } from '../../bed/pipeline.ts';
import { applicationColumns } from '../../models/application-columns.ts';

const forever = new AbortController().signal;
const existing = { application: 'existing_app', search: 'existing_search', scheduler: 'existing_own' };
const database = openDatabase(existing.scheduler);
const inSession = <T>(use: (session: Session) => Promise<T>) => database.session(forever, use);
const obstacles = (schemas: Schemas) => inSession((session) => loadObstacles(session, schemas));

afterAll(async () => {
  for (const schema of Object.values(existing))
    await inSession((session) => session.query(`DROP DATABASE IF EXISTS ${schema}`));
  await database.close();
});

it('accepts a load into a new database, and names removed parts and the command to run before anything is written', async () => {
  const pipeline = await startPipeline('ready');
  const schemas = { application: 'ready_app', search: 'ready_search', scheduler: 'ready_own' };
  expect(await obstacles(schemas)).toEqual([]);
  const key = 'DROP PRIMARY KEY, ADD PRIMARY KEY (npi, last_update_date)';
  await pipeline.query(`ALTER TABLE ready_app.npi_data_0 ${key}`);
  await pipeline.query('ALTER TABLE ready_app.npi_update_log DROP COLUMN total_rows');
  await pipeline.query('ALTER TABLE ready_search.search_surgeon_q MODIFY last_name VARCHAR(20)');
  const expected = [
    'no primary key on npi: ready_app.npi_data_0',
    'ready_app.npi_update_log lacks total_rows',
    'ready_search.search_surgeon_q has columns that are too narrow: last_name',
  ];
  expect(await obstacles(schemas)).toEqual(expected);
  const message = new RegExp(`${expected.join('; ')}.*\`surgicase db migrate\``);
  await expect(pipeline.run()).rejects.toMatchObject({
    cause: { type: 'DatabaseNotReady', message: expect.stringMatching(message) },
  });
  expect(await pipeline.query('SELECT * FROM ready_own.lease')).toEqual([]);
  await pipeline.stop();
});

describe('the database of the existing application', () => {
  /**
   * Its tables as EXISTING.md has them: nothing has a primary key, thirteen columns and the taxonomy groups are too
   * narrow.
   */
  async function createExisting(session: Session): Promise<void> {
    for (const schema of [existing.application, existing.search])
      await session.query(`CREATE DATABASE ${schema}`);
    for (const type of [0, 1, 2]) {
      const loaded = applicationColumns.map((column) => `${column.name} ${column.type}`);
      const zip = (name: string, of: string) =>
        `${name} VARCHAR(5) GENERATED ALWAYS AS (LEFT(provider_business_${of}_address_postal_code, 5)) STORED`;
      const zips = [
        zip('mail_zip', 'mailing'),
        ...(type === 1 ? [] : [zip('location_zip', 'practice_location')]),
      ];
      await session.query(
        `CREATE TABLE ${existing.application}.npi_data_${type} (${[...loaded, ...zips].join(', ')}, KEY (npi))`,
      );
    }
    await session.query(
      `CREATE TABLE ${existing.application}.npi_update_log (execution_ts DATETIME, filename_processed VARCHAR(100),
         total_rows INT, total_0_rows INT, total_1_rows INT, total_2_rows INT, created_ts TIMESTAMP NULL)`,
    );
    await session.query(
      `CREATE TABLE ${existing.application}.npi_search_table_log (id INT AUTO_INCREMENT PRIMARY KEY,
         execution_ts DATETIME, table_type ENUM('surgeon', 'facility'), table_name VARCHAR(50), records_inserted INT,
         execution_time_seconds DECIMAL(10,3), status ENUM('success', 'error'), error_message TEXT)`,
    );
    const place = 'address VARCHAR(55), city VARCHAR(40), state VARCHAR(40), zip VARCHAR(20)';
    for (const suffix of ['all', ...searchLetters]) {
      await session.query(
        `CREATE TABLE ${existing.search}.search_surgeon_${suffix} (npi BIGINT, first_name VARCHAR(50),
           last_name VARCHAR(50), ${place}, KEY idx_npi (npi), KEY idx_last_name (last_name))`,
      );
      await session.query(
        `CREATE TABLE ${existing.search}.search_facility_${suffix} (npi BIGINT, facility_name VARCHAR(100), ${place},
           KEY idx_npi (npi))`,
      );
    }
  }

  const narrow = [
    'provider_first_name',
    'provider_name_suffix_text',
    'provider_other_organization_name',
    'provider_other_first_name',
    'provider_other_name_suffix_text',
    'provider_business_mailing_address_postal_code',
    'provider_business_mailing_address_telephone_number',
    'provider_business_mailing_address_fax_number',
    'provider_business_practice_location_address_postal_code',
    'provider_business_practice_location_address_telephone_number',
    'authorized_official_first_name',
    'parent_organization_lbn',
    'authorized_official_name_suffix_text',
  ];

  it('accepts no load: missing, unkeyed and too narrow parts are named, and a migration alters none of them', async () => {
    await inSession(createExisting);
    const own = ownTables.map((table) => `${existing.scheduler}.${getTableConfig(table).name}`);
    const data = [0, 1, 2].map((type) => `${existing.application}.npi_data_${type}`);
    const before = await obstacles(existing);
    expect(before[0]).toBe(`missing tables: ${own.join(', ')}`);
    const unkeyed = before[1]?.replace('no primary key on npi: ', '').split(', ') ?? [];
    expect(unkeyed.slice(0, 3)).toEqual(data);
    expect(unkeyed).toHaveLength(3 + 54);
    const rest = before.slice(2);
    expect(rest).toHaveLength(6);
    for (const [index, place] of data.entries()) {
      expect(rest[2 * index]).toBe(`${place} lacks data_release, deactivation_release`);
      const found =
        rest[2 * index + 1]?.replace(`${place} has columns that are too narrow: `, '').split(', ') ?? [];
      expect(found).toEqual(expect.arrayContaining(narrow));
      expect(found.filter((name) => !narrow.includes(name) && !/taxonomy_group_\d+$/.test(name))).toEqual([]);
    }
    const made = await migrate(database, existing, forever);
    const view = `${existing.scheduler}.npi_provider_history`;
    expect([...made].sort()).toEqual([...own, view].sort());
    expect(await obstacles(existing)).toEqual(before.slice(1));
  });
});

it('a migration takes over the stubs and stale rows of the version before', async () => {
  const before = { application: 'before_app', search: 'before_search', scheduler: 'before_own' };
  const own = before.scheduler;
  await migrate(database, before, forever);
  const found = await inSession(async (session) => {
    for (const table of ['npi_version', 'npi_history', 'npi_rollback'])
      await session.query(`DROP TABLE ${own}.${table}`);
    await session.query(`DROP VIEW ${own}.npi_provider_history`);
    await session.query(`DELETE FROM ${own}.migration WHERE name >= '0008'`);
    await session.query(
      `CREATE TABLE ${own}.npi_stub (npi BIGINT NOT NULL, release_id BIGINT NOT NULL, deactivation_date VARCHAR(10) NOT NULL)`,
    );
    await session.query(
      `CREATE TABLE ${own}.npi_stale (npi BIGINT NOT NULL, release_id BIGINT NOT NULL, fields JSON NOT NULL)`,
    );
    await session.query(`INSERT INTO ${own}.npi_stub VALUES (1000000004, 202609130001, '09/08/2026')`);
    const fields = npiColumns.map(({ name }) =>
      name === 'npi' ? '1000000012' : `value of ${name}`.slice(0, 30),
    );
    await session.query(`INSERT INTO ${own}.npi_stale VALUES (1000000012, 202609200001, ?)`, [
      JSON.stringify(fields),
    ]);
    await migrate(database, before, forever);
    return session.query<Record<string, string | number | null>>(
      `SELECT * FROM ${own}.npi_version ORDER BY npi`,
    );
  });
  expect(found[0]).toMatchObject({ npi: 1000000004, kind: 'stale', stub_date: '09/08/2026', place: null });
  for (const { name } of npiColumns.filter((column) => column.name !== 'npi'))
    expect(found[1]?.[name]).toBe(`value of ${name}`.slice(0, 30));
  await inSession(async (session) => {
    for (const schema of Object.values(before)) await session.query(`DROP DATABASE ${schema}`);
  });
});
