import { npiColumns } from '../schema/npi-columns.ts';
import { publishedFiles, type PublishedFile } from '../ledger/releases.ts';
import { rolledBackFiles } from '../ledger/rolled-back.ts';
import type { Session } from '../connection/session.ts';
import { liveTables, type Schemas } from '../schema/tables.ts';

/** The releases that set a row of `npi_data_0/1/2`, by their IDs; null when no release did. */
export interface RowOrigin {
  /** Set the row. Null for a stub, and for a row that an adoption found. */
  readonly dataRelease: number | null;
  /** Set the deactivation date in place of the row's own. */
  readonly deactivationRelease: number | null;
}

/** A provider's row with every column that a load fills; NULL is ''. */
export interface LiveRow extends RowOrigin {
  readonly type: 0 | 1 | 2;
  readonly columns: Readonly<Record<string, string>>;
}

const types = [0, 1, 2] as const;

/** The rows of an NPI, which should be one, and the files that can have set it. */
export async function readLiveRow(
  session: Session,
  schemas: Schemas,
  npi: string,
): Promise<{ readonly rows: readonly LiveRow[]; readonly files: readonly PublishedFile[] }> {
  const columns = npiColumns.map(({ name }) => `COALESCE(CAST(${name} AS CHAR), '') AS ${name}`).join(', ');
  const from = (type: number) =>
    `SELECT ${type} AS live_type, data_release, deactivation_release, ${columns}
     FROM ${liveTables(schemas).data(type as 0 | 1 | 2)} WHERE npi = ?`;
  // One statement, because a load may move the row from one table to another.
  const found = await session.query<Record<string, string | number | null>>(
    types.map(from).join(' UNION ALL '),
    types.map(() => npi),
    'reading the row of a provider',
  );
  const rows = found.map((row) => {
    const { live_type: type, data_release: data, deactivation_release: deactivation, ...cells } = row;
    return {
      type: type as LiveRow['type'],
      dataRelease: data as number | null,
      deactivationRelease: deactivation as number | null,
      columns: cells as Record<string, string>,
    };
  });
  return { rows, files: await originFiles(session) };
}

/**
 * Every published file, and then those that were rolled back: after a monthly is rolled back, rows that it only confirmed
 * keep its ID.
 */
export async function originFiles(session: Session): Promise<PublishedFile[]> {
  return [...(await publishedFiles(session)), ...(await rolledBackFiles(session))];
}
