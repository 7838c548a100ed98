import { createHash } from 'node:crypto';
import { npiColumns } from '../schema/npi-columns.ts';
import { inSpan, npiSteps, type NpiSpan } from './npi-steps.ts';
import type { RowOrigin } from './proof.ts';
import type { Session } from '../connection/session.ts';
import { liveTables, type Schemas } from '../schema/tables.ts';

/** What a comparison with the files needs of a provider's row. */
export interface RowDigest extends RowOrigin {
  readonly npi: number;
  readonly type: 0 | 1 | 2;
  /** `digestOf` its columns. */
  readonly digest: number;
  readonly deactivationDate: string;
}

const types = [0, 1, 2] as const;
const rowsPerStep = 5000;
/** 13 hexadecimal digits are 52 bits, which a JavaScript number holds exactly. */
const digits = 13;
const separator = '\u001F';
const dateColumn = 'npi_deactivation_date';
const datePlace = npiColumns.findIndex(({ name }) => name === dateColumn);

/**
 * A number that differs, except by chance in one of 4e15 cases, when two rows differ in any loaded column but the
 * deactivation date, which can come from another file.
 * @param fields in the order of the loaded columns
 */
export function digestOf(fields: readonly string[]): number {
  const text = fields.map((field, place) => (place === datePlace ? '' : field)).join(separator);
  return Number.parseInt(createHash('sha256').update(text).digest('hex').slice(0, digits), 16);
}

/** The deactivation date among the fields of a row. */
export const deactivationOf = (fields: readonly string[]): string => fields[datePlace] ?? '';

/** `digestOf` in SQL. MySQL 9.6 has no SHA1 and no MD5 any more. */
function digestSql(row: string): string {
  const fields = npiColumns.map(({ name }) => (name === dateColumn ? "''" : `COALESCE(${row}.${name}, '')`));
  const text = `CONCAT_WS(CHAR(31 USING utf8mb4), ${fields.join(', ')})`;
  return `CAST(CONV(LEFT(SHA2(${text}, 256), ${digits}), 16, 10) AS UNSIGNED)`;
}

/**
 * Reads the digests of the rows of a span in the order of their NPIs, some thousands at a time. Each statement sees the
 * tables of one moment, without a lock on any row.
 */
export async function* rowDigests(
  session: Session,
  schemas: Schemas,
  span: NpiSpan,
): AsyncGenerator<readonly RowDigest[]> {
  const tables = liveTables(schemas);
  for await (const step of npiSteps(session, types.map(tables.data), span, rowsPerStep)) {
    const each = types.map(
      (type) =>
        `SELECT k.npi, ${type} AS type, k.data_release AS dataRelease, k.deactivation_release AS deactivationRelease,
           COALESCE(k.${dateColumn}, '') AS deactivationDate, ${digestSql('k')} AS digest
         FROM ${tables.data(type)} k WHERE ${inSpan('k', step)}`,
    );
    yield await session.query<RowDigest>(
      `SELECT * FROM (${each.join(' UNION ALL ')}) live ORDER BY npi`,
      [],
      'reading the digests of providers',
    );
  }
}
