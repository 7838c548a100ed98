import { columnName } from './npi-columns.ts';

/** A column of a reference table. `maxLength` is in characters. */
interface ReferenceColumn {
  readonly name: string;
  /** The column's name in the header of the file. */
  readonly header: string;
  readonly maxLength: number;
}

/** A table of the application that a reference file fills. A provider has any number of rows in it. */
export interface ReferenceTable {
  /** The part of the member's name before `_pfile_`. */
  readonly file: string;
  readonly name: string;
  /** The columns of the file, in its order; the first one is `npi`. */
  readonly columns: readonly ReferenceColumn[];
  readonly keys: readonly string[];
}

type Described = readonly (readonly [header: string, maxLength: number])[];

// CMS's readme says how wide most of these columns are (May 2026); the others have room for twice the longest real value.
const otherName: Described = [
  ['Provider Other Organization Name', 100],
  ['Provider Other Organization Name Type Code', 1],
  ['Created Date', 10],
];

const practiceLocation: Described = [
  ['Provider Secondary Practice Location Address- Address Line 1', 110],
  ['Provider Secondary Practice Location Address-  Address Line 2', 110],
  ['Provider Secondary Practice Location Address - City Name', 80],
  ['Provider Secondary Practice Location Address - State Name', 80],
  ['Provider Secondary Practice Location Address - Postal Code', 20],
  ['Provider Secondary Practice Location Address - Country Code (If outside U.S.)', 2],
  ['Provider Secondary Practice Location Address - Telephone Number', 20],
  ['Provider Secondary Practice Location Address - Telephone Extension', 10],
  ['Provider Practice Location Address - Fax Number', 20],
];

const endpoint: Described = [
  ['Endpoint Type', 50],
  ['Endpoint Type Description', 200],
  ['Endpoint', 1000],
  ['Affiliation', 1],
  ['Endpoint Description', 1000],
  ['Affiliation Legal Business Name', 200],
  ['Use Code', 50],
  ['Use Description', 200],
  ['Other Use Description', 500],
  ['Content Type', 50],
  ['Content Description', 200],
  ['Other Content Description', 500],
  ['Affiliation Address Line One', 200],
  ['Affiliation Address Line Two', 200],
  ['Affiliation Address City', 200],
  ['Affiliation Address State', 80],
  ['Affiliation Address Country', 80],
  ['Affiliation Address Postal Code', 20],
];

function columnsOf(described: Described): ReferenceColumn[] {
  return [
    { name: 'npi', header: 'NPI', maxLength: 10 },
    ...described.map(([header, maxLength]) => ({ name: columnName(header), header, maxLength })),
  ];
}

/** The three tables. They exist only where `NPI_REFERENCE_FILES` is on. */
export const referenceTables: readonly ReferenceTable[] = [
  {
    file: 'othername',
    name: 'npi_other_name',
    columns: columnsOf(otherName),
    keys: ['KEY idx_other_organization_name (provider_other_organization_name)'],
  },
  { file: 'pl', name: 'npi_practice_location', columns: columnsOf(practiceLocation), keys: [] },
  { file: 'endpoint', name: 'npi_endpoint', columns: columnsOf(endpoint), keys: [] },
];

/** Columns of a line: the number of the row in its file, then those of the file. */
export const referenceLine = ({ columns }: ReferenceTable): string[] => [
  'row_no',
  ...columns.map(({ name }) => name),
];

/**
 * The columns of a table as DDL. A provider's rows have no key of their own, so the number of the row in its file follows the
 * NPI; all rows of a provider come from the same release.
 */
export function referenceColumnsDdl({ columns }: ReferenceTable): string[] {
  const [npi, ...texts] = columns;
  return [
    `  ${npi?.name} BIGINT NOT NULL`,
    '  row_no INT UNSIGNED NOT NULL',
    ...texts.map(({ name, maxLength }) => `  ${name} VARCHAR(${maxLength}) NOT NULL`),
  ];
}
