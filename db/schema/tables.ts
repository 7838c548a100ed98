import { npiColumns, type NpiColumn } from './npi-columns.ts';
import { referenceColumnsDdl, referenceTables, type ReferenceTable } from './reference-tables.ts';

/** Names of the three schemas. config/ has checked that they have only letters, digits and `_`. */
export interface Schemas {
  readonly application: string;
  readonly search: string;
  readonly scheduler: string;
  /** Whether loads fill the reference tables (`NPI_REFERENCE_FILES`). Without it they need not exist. */
  readonly hasReferences?: boolean;
}

/** The names alone. */
export const schemaNames = ({ application, search, scheduler }: Schemas): readonly string[] => [
  application,
  search,
  scheduler,
];

/** The full name of a live reference table. */
export const liveReference = ({ application }: Schemas, { name }: ReferenceTable): string =>
  `${application}.${name}`;

/** The reference tables that loads fill: all or none. */
export const filledReferences = ({ hasReferences }: Schemas): readonly ReferenceTable[] =>
  hasReferences ? referenceTables : [];

/** A table of the application, for when this service has to create it. */
export interface ApplicationTable {
  readonly schema: string;
  readonly name: string;
  readonly ddl: string;
}

export type SearchKind = 'surgeon' | 'facility';

/** Full names of the provider and search tables: the live ones, or a set of shadows. */
export interface NpiTables {
  data(type: 0 | 1 | 2): string;
  /** `suffix` is a letter or `all`. */
  search(kind: SearchKind, suffix: string): string;
}

/** The tables that the application reads. */
export function liveTables({ application, search }: Schemas): NpiTables {
  return {
    data: (type) => `${application}.npi_data_${type}`,
    search: (kind, suffix) => `${search}.search_${kind}_${suffix}`,
  };
}

export const searchLetters = Array.from('abcdefghijklmnopqrstuvwxyz');

/** Columns of the search tables by kind. `source` is the column of `npi_data_1` or `npi_data_2` that fills it. */
export const searchColumns = {
  surgeon: [
    { name: 'first_name', type: 'VARCHAR(50)', source: 'provider_first_name' },
    { name: 'last_name', type: 'VARCHAR(50)', source: 'provider_last_name' },
    ...place(),
  ],
  facility: [
    { name: 'facility_name', type: 'VARCHAR(100)', source: 'provider_organization_name' },
    ...place(),
  ],
} as const satisfies Record<SearchKind, readonly { name: string; type: string; source: string }[]>;

function place() {
  const practice = 'provider_business_practice_location_address';
  return [
    {
      name: 'address',
      type: 'VARCHAR(55)',
      source: `provider_first_line_business_practice_location_address`,
    },
    { name: 'city', type: 'VARCHAR(40)', source: `${practice}_city_name` },
    { name: 'state', type: 'VARCHAR(40)', source: `${practice}_state_name` },
    { name: 'zip', type: 'VARCHAR(20)', source: `${practice}_postal_code` },
  ] as const;
}

/** `npi BIGINT, entity_type_code VARCHAR(1), …`: the loaded columns as DDL, for both live and staging tables. */
export function npiColumnsDdl(): string {
  return npiColumns.map((column) => `  ${column.name} ${columnType(column)}`).join(',\n');
}

function columnType({ name, maxLength }: NpiColumn): string {
  if (name === 'npi') return 'BIGINT NOT NULL';
  return maxLength === undefined ? 'TEXT NULL' : `VARCHAR(${maxLength}) NULL`;
}

// Without three keys of the application's original tables, which cost every load and serve no search (surplus-keys.ts):
// `idx_last_name` here and in the surgeon tables begins `idx_last_first`, and individuals have no organization name.
const dataKeys: Readonly<Record<0 | 1 | 2, readonly string[]>> = {
  0: ['KEY idx_mail_zip (mail_zip)', 'KEY idx_location_zip (location_zip)'],
  1: [
    'KEY idx_last_first (provider_last_name, provider_first_name)',
    'KEY idx_first_last (provider_first_name, provider_last_name)',
    'KEY idx_other_last_name (provider_other_last_name)',
  ],
  2: [
    'KEY idx_organization_name (provider_organization_name)',
    'KEY idx_mail_zip (mail_zip)',
    'KEY idx_location_zip (location_zip)',
  ],
};

function dataTable(schema: string, type: 0 | 1 | 2, collation: string): ApplicationTable {
  const zip = (name: string, of: string) =>
    `  ${name} VARCHAR(5) GENERATED ALWAYS AS (LEFT(provider_business_${of}_postal_code, 5)) STORED`;
  const parts = [
    npiColumnsDdl(),
    zip('mail_zip', 'mailing_address'),
    // The application's npi_data_1 has no location_zip.
    ...(type === 1 ? [] : [zip('location_zip', 'practice_location_address')]),
    '  data_release BIGINT NULL INVISIBLE',
    '  deactivation_release BIGINT NULL INVISIBLE',
    '  PRIMARY KEY (npi)',
    ...dataKeys[type].map((key) => `  ${key}`),
  ];
  return table(schema, `npi_data_${type}`, parts, collation);
}

function referenceTable(schema: string, reference: ReferenceTable, collation: string): ApplicationTable {
  const parts = [
    ...referenceColumnsDdl(reference),
    '  data_release BIGINT NOT NULL',
    '  PRIMARY KEY (npi, row_no)',
    ...reference.keys.map((key) => `  ${key}`),
  ];
  return table(schema, reference.name, parts, collation);
}

function searchTable(schema: string, kind: SearchKind, suffix: string, collation: string): ApplicationTable {
  const keys = {
    surgeon: ['idx_first_name (first_name)', 'idx_last_first (last_name, first_name)'],
    facility: ['idx_facility_name (facility_name)'],
  };
  const parts = [
    '  npi BIGINT NOT NULL',
    ...searchColumns[kind].map(({ name, type }) => `  ${name} ${type} NULL`),
    '  PRIMARY KEY (npi)',
    ...keys[kind].map((key) => `  KEY ${key}`),
  ];
  return table(schema, `search_${kind}_${suffix}`, parts, collation);
}

function table(schema: string, name: string, parts: readonly string[], collation: string): ApplicationTable {
  const charset = `DEFAULT CHARACTER SET utf8mb4 COLLATE ${collation} ROW_FORMAT=DYNAMIC`;
  return { schema, name, ddl: `CREATE TABLE ${schema}.${name} (\n${parts.join(',\n')}\n) ${charset}` };
}

/** The application's NPI, search and log tables, with a primary key and the widths of the V2 layout. */
export function applicationTables(schemas: Schemas, collation: string): readonly ApplicationTable[] {
  const { application, search } = schemas;
  const updateLog = [
    '  execution_ts DATETIME NULL',
    '  filename_processed VARCHAR(255) NULL',
    ...['total_rows', 'total_0_rows', 'total_1_rows', 'total_2_rows'].map((name) => `  ${name} INT NULL`),
    '  created_ts TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP',
    // Invisible, because the application's own table has no key. A server can require one of every table.
    '  id BIGINT NOT NULL INVISIBLE AUTO_INCREMENT',
    '  PRIMARY KEY (id)',
  ];
  const searchLog = [
    '  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY',
    '  execution_ts DATETIME NULL',
    "  table_type ENUM('surgeon', 'facility') NULL",
    '  table_name VARCHAR(64) NULL',
    '  records_inserted INT NULL',
    '  execution_time_seconds DECIMAL(10,3) NULL',
    "  status ENUM('success', 'error') NULL",
    '  error_message TEXT NULL',
  ];
  return [
    ...([0, 1, 2] as const).map((type) => dataTable(application, type, collation)),
    ...filledReferences(schemas).map((reference) => referenceTable(application, reference, collation)),
    table(application, 'npi_update_log', updateLog, collation),
    table(application, 'npi_search_table_log', searchLog, collation),
    ...(['surgeon', 'facility'] as const).flatMap((kind) =>
      ['all', ...searchLetters].map((suffix) => searchTable(search, kind, suffix, collation)),
    ),
  ];
}
