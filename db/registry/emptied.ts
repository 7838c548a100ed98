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
  const published = await session.orm((db) =>
    db.select({ report: releaseTable.published }).from(releaseTable),
  );
  const found: string[] = [];
  for (const { type, kind, name } of kinds) {
    if (published.every(({ report }) => (report.typeRows?.[type] ?? 0) === 0)) continue;
    const { data, search } = liveTables(schemas);
    if (await isEmpty(session, data(type))) found.push(data(type));
    else if (await isEmpty(session, search(kind, 'all'))) {
      const active = `SELECT 1 FROM ${data(type)} k WHERE NOT ${isDeactivated('k')} LIMIT 1`;
      if ((await session.query(active)).length > 0) found.push(search(kind, 'all'));
    } else found.push(...(await emptiedLetters(session, schemas, kind, name)));
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
