import { referenceTables } from '../../db/schema/reference-tables.ts';
import type { NpiUpdateResult } from '../../contract/workflows.ts';
import type { ReferenceCounts } from '../../db/schema/ledger-json.ts';
import { npi, referenceCsv, type ReferenceMembers } from '../generated/release-zip.ts';
import type { Pipeline } from './pipeline.ts';

/** The fields of a reference row; the columns after them are empty. */
export type ReferenceRow = readonly [index: number, ...fields: string[]];

/** The reference members of a zip with these rows. A file that is not named has a header only. */
export function referenceMembers(rows: Readonly<Record<string, readonly ReferenceRow[]>>): ReferenceMembers {
  return Object.fromEntries(
    referenceTables.map(({ file, columns }) => {
      const lines = (rows[file] ?? []).map(([index, ...fields]) =>
        columns.map((_, i) => (i === 0 ? npi(index) : (fields[i - 1] ?? ''))),
      );
      return [
        file,
        referenceCsv(
          columns.map(({ header }) => header),
          lines,
        ),
      ];
    }),
  );
}

/** The rows of a reference table, each provider's in the order of the file: NPI, first field and release. */
export async function referenceRows({ app, query }: Pipeline, table: string): Promise<unknown[]> {
  const column = referenceTables.find((one) => one.name === table)?.columns[1]?.name;
  const rows = await query<Record<string, unknown>>(
    `SELECT npi, ${column} AS field, data_release FROM ${app}.${table} ORDER BY npi, row_no`,
  );
  return rows.map((row) => [String(row['npi']), row['field'], row['data_release']]);
}

/** What a run reports about a table, by release. */
export const referenceCounts = (
  { releases }: NpiUpdateResult,
  table: string,
): (ReferenceCounts | undefined)[] =>
  releases.map(({ references = [] }) => references.find((one) => one.table === table));
