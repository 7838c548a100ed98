import { npiColumns } from './npi-columns.ts';
import type { Session } from '../connection/session.ts';
import type { NpiTables, Schemas } from './tables.ts';

/** Columns that the application has added to `npi_data_0/1/2`. CMS's files have no values for them. */
export type OwnColumns = Readonly<Record<0 | 1 | 2, readonly string[]>>;

const types = [0, 1, 2] as const;
const filled = [...npiColumns.map(({ name }) => name), 'data_release', 'deactivation_release'];

/** The columns of the provider tables that neither a load fills nor the server generates. */
export async function ownColumns(session: Session, { application }: Schemas): Promise<OwnColumns> {
  const found = await session.query<{ type: number; name: string }>(
    `SELECT CAST(RIGHT(table_name, 1) AS UNSIGNED) AS type, column_name AS name FROM information_schema.columns
     WHERE table_schema = ? AND table_name IN ('npi_data_0', 'npi_data_1', 'npi_data_2')
       AND COALESCE(generation_expression, '') = '' AND column_name NOT IN (?)`,
    [application, filled],
  );
  const of = (type: number) => found.filter((column) => column.type === type).map(({ name }) => name);
  return { 0: of(0), 1: of(1), 2: of(2) };
}

/** Copies the application's own columns from the live rows to a range of the shadow. Rows whose type changes lose them. */
export async function keepOwnColumns(
  session: Session,
  { live, shadow }: { readonly live: NpiTables; readonly shadow: NpiTables },
  own: OwnColumns,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  for (const type of types) {
    if (own[type].length === 0) continue;
    const sets = own[type].map((name) => `m.\`${name}\` = k.\`${name}\``);
    await session.query(
      `UPDATE ${shadow.data(type)} m STRAIGHT_JOIN ${live.data(type)} k ON k.npi = m.npi SET ${sets.join(', ')}
       WHERE m.npi >= ${from} AND m.npi < ${to}`,
    );
  }
}
