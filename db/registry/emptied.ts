import { isDeactivated } from './dates.ts';
import { releaseTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import { liveTables, searchLetters, type Schemas, type SearchKind } from '../schema/tables.ts';

const kinds = [
  { type: 1, kind: 'surgeon', name: 'last_name' },
  { type: 2, kind: 'facility', name: 'facility_name' },
] as const;

/**
 * The tables that are empty although published releases have rows for them: somebody emptied them, or `db migrate` created
 * them again. A table that lost only some of its rows is not noticed. All tables must exist.
 */
export async function emptiedTables(session: Session, schemas: Schemas): Promise<string[]> {
  const found = await emptiedData(session, schemas);
  const { data, search } = liveTables(schemas);
  for (const { type, kind, name } of kinds) {
    if (await isEmpty(session, data(type))) continue;
    if (await isEmpty(session, search(kind, 'all'))) {
      const active = `SELECT 1 FROM ${data(type)} k WHERE NOT ${isDeactivated('k')} LIMIT 1`;
      if ((await session.query(active)).length > 0) found.push(search(kind, 'all'));
    } else found.push(...(await emptiedLetters(session, schemas, kind, name)));
  }
  return found;
}

/** The same for `npi_data_1` and `npi_data_2` alone. */
export async function emptiedData(session: Session, schemas: Schemas): Promise<string[]> {
  const published = await session.orm((db) =>
    db.select({ report: releaseTable.published }).from(releaseTable),
  );
  const found: string[] = [];
  for (const { type } of kinds) {
    const place = liveTables(schemas).data(type);
    const hadRows = published.some(({ report }) => (report.typeRows?.[type] ?? 0) > 0);
    if (hadRows && (await isEmpty(session, place))) found.push(place);
  }
  return found;
}

async function isEmpty(session: Session, table: string): Promise<boolean> {
  return (await session.query(`SELECT 1 FROM ${table} LIMIT 1`)).length === 0;
}

/** Tables of a letter that are empty although `_all` has a name that begins with it. */
async function emptiedLetters(
  session: Session,
  schemas: Schemas,
  kind: SearchKind,
  name: string,
): Promise<string[]> {
  const { search } = liveTables(schemas);
  const each = searchLetters.map(
    (letter) =>
      `SELECT '${search(kind, letter)}' AS place WHERE NOT EXISTS (SELECT 1 FROM ${search(kind, letter)})
         AND EXISTS (SELECT 1 FROM ${search(kind, 'all')} WHERE ${name} LIKE '${letter}%')`,
  );
  const rows = await session.query<{ place: string }>(each.join(' UNION ALL '));
  return rows.map(({ place }) => place);
}
