import { Readable } from 'node:stream';
import { createCases } from '../../db/cases/sample-cases.ts';
import { npiColumns } from '../../db/schema/npi-columns.ts';
import type { Session } from '../../db/connection/session.ts';
import { searchLetters, type Schemas } from '../../db/schema/tables.ts';

/**
 * Columns that the existing application made narrower than the V2 layout. Every other column has the layout's width.
 */
const narrowWidths: Readonly<Record<string, number>> = {
  provider_first_name: 20,
  provider_name_suffix_text: 4,
  provider_other_organization_name: 9,
  provider_other_first_name: 20,
  provider_other_name_suffix_text: 4,
  provider_business_mailing_address_postal_code: 16,
  provider_business_mailing_address_telephone_number: 17,
  provider_business_mailing_address_fax_number: 16,
  provider_business_practice_location_address_postal_code: 16,
  provider_business_practice_location_address_telephone_number: 17,
  authorized_official_first_name: 20,
  parent_organization_lbn: 70,
  authorized_official_name_suffix_text: 4,
};

const location = 'provider_business_practice_location_address';

/** The columns that generated rows fill. All others are NULL. */
export const filledColumns = [
  'entity_type_code',
  'provider_last_name',
  'provider_first_name',
  'provider_organization_name',
  'provider_other_organization_name',
  `provider_first_line_business_practice_location_address`,
  `${location}_city_name`,
  `${location}_state_name`,
  `${location}_postal_code`,
  'last_update_date',
  'npi_deactivation_date',
  'npi_reactivation_date',
  'certification_date',
] as const;
export type FilledColumn = (typeof filledColumns)[number];

/** A row of `npi_data_<table>`. Columns without a value are NULL. */
export interface ProductionRow {
  readonly table: 0 | 1 | 2;
  readonly npi: string | null;
  readonly values: Partial<Readonly<Record<FilledColumn, string>>>;
}

const widthOf = (name: string, maxLength: number) =>
  /taxonomy_group_\d+$/.test(name) ? 10 : (narrowWidths[name] ?? maxLength);

/**
 * Creates the application's tables as production has them: no primary keys, narrow columns, no search tables
 * from the list `missing`, `cases` without four of its columns, and an extra column in `npi_data_1`.
 */
export async function createProduction(
  session: Session,
  { application, search }: Schemas,
  missing: readonly string[],
): Promise<void> {
  for (const schema of [application, search])
    await session.query(`CREATE DATABASE ${schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci`);
  for (const type of [0, 1, 2] as const) await session.query(dataTable(application, type));
  await session.query(
    `CREATE TABLE ${application}.npi_update_log (execution_ts DATETIME, filename_processed VARCHAR(100),
       total_rows INT, total_0_rows INT, total_1_rows INT, total_2_rows INT, created_ts TIMESTAMP DEFAULT NOW())`,
  );
  await session.query(
    `CREATE TABLE ${application}.npi_search_table_log (id INT AUTO_INCREMENT PRIMARY KEY, execution_ts DATETIME,
       table_type ENUM('surgeon', 'facility'), table_name VARCHAR(50), records_inserted INT,
       execution_time_seconds DECIMAL(10,3), status ENUM('success', 'error'), error_message TEXT)`,
  );
  const place =
    'address VARCHAR(55), city VARCHAR(40), state VARCHAR(40), zip VARCHAR(20), KEY idx_npi (npi)';
  const kinds = {
    surgeon: `first_name VARCHAR(50), last_name VARCHAR(50), ${place}, KEY idx_last_name (last_name),
       KEY idx_first_name (first_name), KEY idx_last_first (last_name, first_name)`,
    facility: `facility_name VARCHAR(100), ${place}, KEY idx_facility_name (facility_name)`,
  };
  for (const [kind, columns] of Object.entries(kinds)) {
    for (const name of ['all', ...searchLetters].map((suffix) => `search_${kind}_${suffix}`))
      if (!missing.includes(name))
        await session.query(`CREATE TABLE ${search}.${name} (npi BIGINT, ${columns})`);
  }
  await createCases(session, application);
  const added = ['billable_flag_ts', 'docs_needed_ts', 'submitted_ts', 'rejected_ts'];
  await session.query(
    `ALTER TABLE ${application}.cases ${added.map((name) => `DROP COLUMN ${name}`).join(', ')}`,
  );
}

function dataTable(schema: string, type: 0 | 1 | 2): string {
  const columns = npiColumns.map(({ name, maxLength }) => {
    if (name === 'npi') return 'npi BIGINT';
    return maxLength === undefined ? `${name} TEXT` : `${name} VARCHAR(${widthOf(name, maxLength)})`;
  });
  const zip = (name: string, of: string) =>
    `${name} VARCHAR(5) GENERATED ALWAYS AS (LEFT(provider_business_${of}_postal_code, 5)) STORED`;
  const keys = {
    0: ['KEY idx_mail_zip (mail_zip)', 'KEY idx_location_zip (location_zip)'],
    1: [
      'KEY idx_last_name (provider_last_name)',
      'KEY idx_last_first (provider_last_name, provider_first_name)',
      'KEY idx_first_last (provider_first_name, provider_last_name)',
      'KEY idx_other_last_name (provider_other_last_name)',
      'KEY idx_organization_name (provider_organization_name)',
      "our_note VARCHAR(40) DEFAULT 'ours'",
      'KEY idx_our_note (our_note)',
    ],
    2: [
      'KEY idx_organization_name (provider_organization_name)',
      'KEY idx_mail_zip (mail_zip)',
      'KEY idx_location_zip (location_zip)',
    ],
  };
  const parts = [
    ...columns,
    zip('mail_zip', 'mailing_address'),
    ...(type === 1 ? [] : [zip('location_zip', 'practice_location_address')]),
    'KEY idx_npi (npi)',
    ...keys[type],
  ];
  return `CREATE TABLE ${schema}.npi_data_${type} (${parts.join(', ')})`;
}

/** The value that the old job stored: its SQL mode cut values to the column's width. */
export function stored(name: FilledColumn, value: string): string {
  const width = narrowWidths[name];
  return width === undefined ? value : value.slice(0, width);
}

/** Counts stored values that fill their narrow column completely. */
export function filledValues({ values }: ProductionRow): number {
  return filledColumns.filter((name) => {
    const width = narrowWidths[name];
    return width !== undefined && (values[name] ?? '').length >= width;
  }).length;
}

/** Inserts rows into the three tables in order. Values must not contain a tab, line break or backslash. */
export async function loadProduction(
  session: Session,
  { application }: Schemas,
  rows: readonly ProductionRow[],
): Promise<void> {
  for (const type of [0, 1, 2] as const) {
    const lines = rows
      .filter(({ table }) => table === type)
      .map(({ npi, values }) => [npi, ...filledColumns.map((name) => values[name])])
      .map((fields) => `${fields.map((field) => field ?? '\\N').join('\t')}\n`);
    await session.load(
      `LOAD DATA LOCAL INFILE 'rows' REPLACE INTO TABLE ${application}.npi_data_${type} CHARACTER SET utf8mb4
       (npi, ${filledColumns.join(', ')})`,
      Readable.from(chunked(lines), { objectMode: false }),
    );
  }
}

function* chunked(lines: readonly string[]): Generator<Buffer> {
  for (let at = 0; at < lines.length; at += 10_000) yield Buffer.from(lines.slice(at, at + 10_000).join(''));
}

/**
 * Fills the search tables like the old job: all rows, deactivated providers included, except names that start without
 * a letter.
 */
export async function fillProductionSearch(
  session: Session,
  { application, search }: Schemas,
  missing: readonly string[],
): Promise<void> {
  const place = `provider_first_line_business_practice_location_address, ${location}_city_name, ${location}_state_name, ${location}_postal_code`;
  const kinds = [
    ['surgeon', 1, 'provider_first_name, provider_last_name', 'provider_last_name'],
    ['facility', 2, 'provider_organization_name', 'provider_organization_name'],
  ] as const;
  for (const [kind, type, names, searched] of kinds) {
    for (const suffix of ['all', ...searchLetters]) {
      const table = `search_${kind}_${suffix}`;
      if (missing.includes(table)) continue;
      const where = suffix === 'all' ? '' : `WHERE ${searched} LIKE '${suffix}%'`;
      await session.query(
        `INSERT INTO ${search}.${table} SELECT npi, ${names}, ${place} FROM ${application}.npi_data_${type} ${where}`,
      );
    }
  }
}
