import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadObstacles } from '../../../db/schema/ready.ts';
import {
  createBed,
  fingerprint,
  leftovers,
  missingTables,
  place,
  type AdoptionBed,
} from '../../bed/adoption-bed.ts';
import { adoptedModel, adoptedTables, digests } from '../../models/adoption-model.ts';
import { surgicase } from '../../bed/cli.ts';
import type { FilledColumn, ProductionRow } from '../../bed/production-database.ts';
import { productionRows } from '../../generated/production-rows.ts';
import { npi } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

let bed: AdoptionBed;

async function expectModel(rows: readonly ProductionRow[]): Promise<void> {
  const found = await bed.session((session) => adoptedTables(session, bed.schemas));
  expect(digests(found)).toEqual(digests(adoptedModel(rows)));
}

const quarantine = () =>
  bed.query(
    `SELECT reason, COUNT(*) AS n FROM ${bed.schemas.scheduler}.npi_quarantine WHERE release_id = 0 GROUP BY 1`,
  );

describe('a database shaped like production', () => {
  const rows = productionRows(3000, 1);
  const model = adoptedModel(rows);
  const rowCount = (table: number) => rows.filter((row) => row.table === table).length;
  beforeAll(async () => {
    bed = await createBed('adopt_whole', rows);
  });
  afterAll(() => bed.drop());

  it('is described by a dry run that changes nothing', async () => {
    const before = await fingerprint(bed);
    const { code, value } = await bed.adopt('--dry-run');
    expect(code).toBe(0);
    expect(value).toMatchObject({
      isNeeded: true,
      obstacles: [],
      rows: {
        rows: Object.fromEntries(
          [0, 1, 2].map((type) => [`adopt_whole_app.npi_data_${type}`, rowCount(type)]),
        ),
        refused: model.refused,
        doubled: { rows: model.duplicates },
        misplaced: rows.filter(({ table, values }) => isMisplaced(table, values.entity_type_code)).length,
      },
      cases: { columns: ['billable_flag_ts', 'docs_needed_ts', 'submitted_ts', 'rejected_ts'] },
    });
    const { lacks, statements } = value as { lacks: string[]; statements: { sql: string }[] };
    const [missing, unkeyed, ...narrow] = lacks.map((lack) => lack.split(/: |, /));
    expect(missing?.slice(1).sort()).toEqual(
      missingTables.map((name) => `adopt_whole_search.${name}`).sort(),
    );
    expect(unkeyed).toHaveLength(1 + 57 - missingTables.length);
    expect(
      narrow.find(([first]) => first?.includes('npi_data_2 has columns that are too narrow')),
    ).toHaveLength(1 + 13 + 14);
    const kinds = statements.map(({ sql }) => /^(\w+(?: \w+)?)/.exec(sql)?.[1]);
    expect(kinds.at(0)).toBe('ALTER TABLE');
    expect(kinds.slice(-3)).toEqual(['LOCK TABLES', 'RENAME TABLE', 'UNLOCK TABLES']);
    expect(await fingerprint(bed)).toEqual(before);
    const { out } = await surgicase(['db', 'adopt', '--dry-run'], bed.env);
    expect(out).toContain('npi BETWEEN <from> AND <to>');
    expect(out).toContain('Nothing was changed.');
  });

  it('matches the model after the adoption, and the original tables are kept unchanged', async () => {
    const checksums = () =>
      bed.query<{ Checksum: number }>(
        `CHECKSUM TABLE ${[0, 1, 2].map((type) => place(bed, 'originals', type)).join(', ')}`,
      );
    const before = await bed.query<{ Checksum: number }>(
      `CHECKSUM TABLE ${[0, 1, 2].map((type) => place(bed, 'live', type)).join(', ')}`,
    );
    const { code, value } = await bed.adopt();
    const [stubs, individuals, organizations] = [0, 1, 2].map(
      (type) => model.tables[`npi_data_${type}`]?.length,
    );
    const { refused, duplicates, filled } = model;
    expect({ code, value }).toMatchObject({
      code: 0,
      value: {
        outcome: 'adopted',
        counts: { read: rows.length, stubs, individuals, organizations, duplicates, filled, refused: 5 },
      },
    });
    await expectModel(rows);
    expect(await bed.session((session) => loadObstacles(session, bed.schemas))).toEqual([]);
    expect(await quarantine()).toEqual(
      expect.arrayContaining(Object.entries(refused).map(([reason, n]) => ({ reason, n }))),
    );
    expect((await checksums()).map(({ Checksum }) => Checksum)).toEqual(
      before.map(({ Checksum }) => Checksum),
    );
  });

  it('keeps the columns that the application added, and adds the missing columns of cases', async () => {
    const [table] = await bed.query<Record<'Create Table', string>>(
      'SHOW CREATE TABLE adopt_whole_app.npi_data_1',
    );
    expect(table?.['Create Table']).toMatch(/`our_note` varchar\(40\) .*DEFAULT 'ours'/);
    expect(table?.['Create Table']).toContain('KEY `idx_our_note` (`our_note`)');
    expect(table?.['Create Table']).not.toContain('idx_npi');
    expect(
      await bed.query(`SELECT DISTINCT column_type AS type, is_nullable AS isNullable FROM information_schema.columns
        WHERE table_schema = 'adopt_whole_app' AND table_name = 'cases' AND column_name IN ('rejected_ts', 'submitted_ts')`),
    ).toEqual([{ type: 'timestamp', isNullable: 'YES' }]);
  });

  it(
    'is adopted once; the original tables stay until `--finish` drops them, and then nothing is left over',
    exhaustive,
    async () => {
      expect((await bed.adopt()).value).toMatchObject({ outcome: 'kept' });
      expect((await surgicase(['db', 'adopt'], bed.env)).out).toContain('surgicase db adopt --finish');
      expect((await bed.adopt('--reason', 'tidy')).code).toBe(2);
      const finished = await bed.adopt('--finish', '--by', 'ana@desk', '--reason', 'tidy');
      expect(finished.code).toBe(0);
      expect((finished.value as { dropped: string[] }).dropped).toHaveLength(57);
      expect(await leftovers(bed)).toEqual([]);
      await expectModel(rows);
      expect((await bed.adopt()).value).toMatchObject({ outcome: 'nothing' });
      expect((await bed.adopt('--dry-run')).value).toMatchObject({ statements: [] });
      expect((await bed.adopt('--finish')).value).toEqual({ dropped: [] });
    },
  );
});

const isMisplaced = (table: number, type = '') =>
  ['', '1', '2'].includes(type) && type !== (table === 0 ? '' : `${table}`);

describe('of several rows with the same NPI', () => {
  const full = (
    index: number,
    city: string,
    dates: Partial<Record<FilledColumn, string>>,
    table: 1 | 2 = 1,
  ) => ({
    table,
    npi: npi(index),
    values: {
      entity_type_code: String(table),
      provider_last_name: 'SMITH',
      provider_business_practice_location_address_city_name: city,
      last_update_date: '05/05/2024',
      ...dates,
    },
  });
  const stub = (index: number, date: string) => ({
    table: 0 as const,
    npi: npi(index),
    values: { npi_deactivation_date: date },
  });
  const rows: ProductionRow[] = [
    full(1, 'NEWER', { last_update_date: '02/01/2025' }),
    full(1, 'OLDER', { last_update_date: '12/31/2024', certification_date: '01/01/2026' }),
    full(2, 'CERTIFIED LATER', { certification_date: '01/01/2025' }),
    full(2, 'EARLIER', { certification_date: '06/01/2024' }),
    full(3, 'REACTIVATED LATER', { npi_reactivation_date: '01/01/2025' }),
    full(3, 'EARLIER', { npi_reactivation_date: '12/01/2024' }),
    full(4, 'DEACTIVATED', { npi_deactivation_date: '01/01/2025' }),
    full(4, 'NOT', {}),
    full(5, 'FIRST', {}),
    full(5, 'LAST', {}),
    full(6, 'INDIVIDUAL', { last_update_date: '01/01/2020' }),
    full(6, 'NOW AN ORGANIZATION', { last_update_date: '01/01/2021' }, 2),
    full(7, 'TAKES THE DATE', {}),
    stub(7, '05/05/2024'),
    full(8, 'UPDATED SINCE THE STUB', {}),
    stub(8, '05/04/2024'),
    full(9, 'REACTIVATED SINCE', { npi_reactivation_date: '06/01/2024' }),
    stub(9, '06/01/2024'),
    stub(10, '01/01/2020'),
    stub(10, '01/01/2019'),
  ];

  afterEach(() => bed.drop());

  it('the newest stays, and the deactivation of a stub is kept', exhaustive, async () => {
    bed = await createBed('adopt_rules', rows);
    expect((await bed.adopt()).code).toBe(0);
    const city = 'provider_business_practice_location_address_city_name AS city';
    const found = await bed.query(
      [0, 1, 2]
        .map(
          (type) =>
            `SELECT npi, ${type} AS type, ${city}, npi_deactivation_date AS gone FROM adopt_rules_app.npi_data_${type}`,
        )
        .join(' UNION ALL '),
    );
    const expected = [
      [10, 0, '', '01/01/2020'],
      [1, 1, 'NEWER', ''],
      [2, 1, 'CERTIFIED LATER', ''],
      [3, 1, 'REACTIVATED LATER', ''],
      [4, 1, 'DEACTIVATED', '01/01/2025'],
      [5, 1, 'LAST', ''],
      [7, 1, 'TAKES THE DATE', '05/05/2024'],
      [8, 1, 'UPDATED SINCE THE STUB', '05/04/2024'],
      [9, 1, 'REACTIVATED SINCE', ''],
      [6, 2, 'NOW AN ORGANIZATION', ''],
    ] as const;
    expect(found).toEqual(
      expected.map(([index, type, name, gone]) => ({ npi: Number(npi(index)), type, city: name, gone })),
    );
    const listed = await bed.query<{ npi: number }>('SELECT npi FROM adopt_rules_search.search_surgeon_s');
    expect(listed.map((row) => row.npi)).toEqual([1, 2, 3, 5, 9].map((index) => Number(npi(index))));
  });
});

it('creates nothing where there is no table to adopt', async () => {
  bed = await createBed('adopt_nothing', []);
  const { application, search, scheduler } = bed.schemas;
  for (const schema of [application, search]) await bed.query(`DROP DATABASE ${schema}`);
  expect(await bed.adopt()).toMatchObject({ code: 0, value: { outcome: 'nothing' } });
  const { out } = await surgicase(['db', 'adopt', '--dry-run'], bed.env);
  expect(out).toContain('There is no table `cases`');
  expect(out).toContain('Nothing to adopt.');
  expect(await bed.query(`SHOW DATABASES LIKE '${scheduler}'`)).toEqual([]);
  await bed.drop();
});

describe('what cannot be adopted', () => {
  afterEach(() => bed.drop());

  it('is refused with the statement that fixes it, before anything changes', async () => {
    bed = await createBed('adopt_obstacle', productionRows(20, 1));
    await bed.query('ALTER TABLE adopt_obstacle_app.npi_data_2 DROP KEY idx_npi');
    await bed.query(`CREATE TRIGGER adopt_obstacle_app.watch AFTER INSERT ON adopt_obstacle_app.npi_data_1
      FOR EACH ROW SET @watched = 1`);
    const before = await fingerprint(bed);
    const { code, value } = await bed.adopt();
    const { message } = (value as { error: { message: string } }).error;
    expect(code).toBe(1);
    expect(message).toContain('`CREATE INDEX idx_npi ON adopt_obstacle_app.npi_data_2 (npi)`');
    expect(message).toContain('adopt_obstacle_app.npi_data_1 has the trigger watch');
    expect(await fingerprint(bed)).toEqual(before);
    expect((await bed.adopt('--dry-run')).code).toBe(1);
  });
});
