/** One column of `npi_data_0/1/2` that a load fills. */
export interface NpiColumn {
  readonly name: string;
  /** The column's name in the header of `npidata_pfile_…csv`. */
  readonly header: string;
  /** Characters; absent for `text`, which holds 65,535 bytes. */
  readonly maxLength?: number;
}

// Widths of the V2 layout (CMS readme, May 2026), except for the taxonomy groups: the readme says 10 characters, but real
// values have up to 42 (files of 2026).
const leading: ReadonlyArray<readonly [header: string, maxLength: number | 'text']> = [
  ['Entity Type Code', 1],
  ['Employer Identification Number (EIN)', 9],
  ['Provider Organization Name (Legal Business Name)', 100],
  ['Provider Last Name (Legal Name)', 35],
  ['Provider First Name', 35],
  ['Provider Middle Name', 20],
  ['Provider Name Prefix Text', 5],
  ['Provider Name Suffix Text', 5],
  ['Provider Credential Text', 20],
  ['Provider Other Organization Name', 100],
  ['Provider Other Organization Name Type Code', 1],
  ['Provider Other Last Name', 35],
  ['Provider Other First Name', 35],
  ['Provider Other Middle Name', 20],
  ['Provider Other Name Prefix Text', 5],
  ['Provider Other Name Suffix Text', 5],
  ['Provider Other Credential Text', 20],
  ['Provider Other Last Name Type Code', 1],
  ...address('Mailing Address'),
  ...address('Practice Location Address'),
  ['Provider Enumeration Date', 10],
  ['Last Update Date', 10],
  ['NPI Deactivation Date', 10],
  ['NPI Reactivation Date', 10],
  ['Provider Sex Code', 1],
  ['Authorized Official Last Name', 'text'],
  ['Authorized Official First Name', 35],
  ['Authorized Official Middle Name', 20],
  ['Authorized Official Title or Position', 'text'],
  ['Authorized Official Telephone Number', 20],
];

const trailing: typeof leading = [
  ['Is Sole Proprietor', 1],
  ['Is Organization Subpart', 1],
  ['Parent Organization LBN', 100],
  ['Parent Organization TIN', 9],
  ['Authorized Official Name Prefix Text', 5],
  ['Authorized Official Name Suffix Text', 5],
  ['Authorized Official Credential Text', 20],
  ...repeat(14, (n) => [[`Healthcare Provider Taxonomy Group_${n}`, 70]]),
  ['Certification Date', 10],
];

function address(of: string): Array<readonly [string, number | 'text']> {
  const business = `Provider Business ${of}`;
  return [
    [`Provider First Line Business ${of}`, 'text'],
    [`Provider Second Line Business ${of}`, 'text'],
    [`${business} City Name`, 'text'],
    [`${business} State Name`, 'text'],
    [`${business} Postal Code`, 20],
    [`${business} Country Code (If outside U.S.)`, 2],
    [`${business} Telephone Number`, 20],
    [`${business} Fax Number`, 20],
  ];
}

function repeat(
  times: number,
  columns: (n: number) => Array<readonly [string, number | 'text']>,
): Array<readonly [string, number | 'text']> {
  return Array.from({ length: times }, (_, i) => columns(i + 1)).flat();
}

// The application keeps 12 license numbers, 13 license states, and only number and type of the 19th other identifier.
function taxonomy(n: number): Array<readonly [string, number | 'text']> {
  return [
    [`Healthcare Provider Taxonomy Code_${n}`, 10],
    ...(n <= 12 ? [[`Provider License Number_${n}`, 20] as const] : []),
    ...(n <= 13 ? [[`Provider License Number State Code_${n}`, 2] as const] : []),
    [`Healthcare Provider Primary Taxonomy Switch_${n}`, 1],
  ];
}

function otherIdentifier(n: number): Array<readonly [string, number | 'text']> {
  if (n === 19)
    return [
      [`Other Provider Identifier_${n}`, 20],
      [`Other Provider Identifier Type Code_${n}`, 2],
    ];
  return [
    [`Other Provider Identifier_${n}`, 20],
    [`Other Provider Identifier Type Code_${n}`, 2],
    [`Other Provider Identifier State_${n}`, 2],
    [`Other Provider Identifier Issuer_${n}`, 'text'],
  ];
}

/** `Provider Other Organization Name Type Code` -> `provider_other_organization_name_type_code`. */
export function columnName(header: string): string {
  return header
    .replace(/\(.*?\)/, '')
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_');
}

const described = [...leading, ...repeat(15, taxonomy), ...repeat(19, otherIdentifier), ...trailing];

/**
 * The 196 columns that a load fills, in the order of the application's tables (the server generates `mail_zip` and
 * `location_zip`). test/unit/schema/npi-columns.test.ts compares them with the production dump.
 */
export const npiColumns: readonly NpiColumn[] = [
  { name: 'npi', header: 'NPI', maxLength: 10 },
  ...described.map(([header, maxLength]) => ({
    name: columnName(header),
    header,
    ...(maxLength === 'text' ? {} : { maxLength }),
  })),
];

/** The names of these columns without `npi`. */
export const valueNames: readonly string[] = npiColumns
  .map(({ name }) => name)
  .filter((name) => name !== 'npi');

/** SQL: the columns of `valueNames` of a row. */
export const valuesOf = (row: string): string => valueNames.map((name) => `${row}.${name}`).join(', ');
