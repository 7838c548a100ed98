import { fieldBytes, isDeactivated, type PublishScope } from './classify.ts';
import type { Session } from './session.ts';
import { searchColumns, type SearchKind } from './tables.ts';

/** One search table that a publish touched. */
export interface SearchTouched {
  readonly kind: SearchKind;
  /** Its name as the log knows it, without a schema. */
  readonly table: string;
  readonly writtenRows: number;
  readonly deletedRows: number;
  readonly seconds: number;
}

const dataTable = { surgeon: 1, facility: 2 } as const;
const nameColumn = { surgeon: 'last_name', facility: 'facility_name' } as const;

/**
 * Brings the search tables up to the providers that this publish wrote, inside its transaction. A table is touched
 * only where a search row changes: random page reads decide the time, and most changes of a week are not in it.
 */
export async function updateSearch(session: Session, scope: PublishScope): Promise<SearchTouched[]> {
  await session.query(`DELETE FROM ${scope.stage}_search`);
  const touched: SearchTouched[] = [];
  for (const kind of ['surgeon', 'facility'] as const) {
    await planSearch(session, scope, kind);
    touched.push(...(await writeSearch(session, scope, kind)));
  }
  return touched;
}

/** What fills a search column, cut to its width: the address is a text of any length in `npi_data_*`. */
function sources(kind: SearchKind, row: string): string[] {
  return searchColumns[kind].map(({ source, type }) => `LEFT(${row}.${source}, ${/\d+/.exec(type)?.[0]})`);
}

/** Rule 8: the letter of a name; `a` for what is no letter, nothing for a provider without a name (`_all` only). */
function letter(name: string): string {
  const first = `LEFT(TRIM(${name}), 1)`;
  return `IF(COALESCE(TRIM(${name}), '') = '', NULL,
    COALESCE((SELECT l.letter FROM search_letter l WHERE l.letter = ${first}), 'a'))`;
}

async function planSearch(
  session: Session,
  { tables, stage }: PublishScope,
  kind: SearchKind,
): Promise<void> {
  const names = searchColumns[kind].map(({ name }) => name);
  const wanted = sources(kind, 'k');
  const nameIndex = names.findIndex((name) => name === nameColumn[kind]);
  await session.query(
    `INSERT INTO ${stage}_search (npi, kind, is_listed, old_letter, new_letter)
     SELECT p.npi, '${kind}', k.npi IS NOT NULL,
       ${letter(`o.${nameColumn[kind]}`)}, ${letter(wanted[nameIndex] ?? '')}
     FROM ${stage}_plan p
     LEFT JOIN ${tables.search(kind, 'all')} o ON o.npi = p.npi
     LEFT JOIN ${tables.data(dataTable[kind])} k ON k.npi = p.npi AND NOT ${isDeactivated('k')}
     WHERE p.action IN ('insert', 'update') AND (o.npi IS NOT NULL OR k.npi IS NOT NULL)
       AND NOT (o.npi IS NOT NULL AND k.npi IS NOT NULL AND
         ${fieldBytes(names.map((name) => `o.${name}`))} = ${fieldBytes(wanted)})`,
  );
}

async function writeSearch(
  session: Session,
  scope: PublishScope,
  kind: SearchKind,
): Promise<SearchTouched[]> {
  const touched = [
    await writeTable(session, scope, kind, 'all', 'p.is_listed = FALSE', 'p.is_listed = TRUE'),
  ];
  const letters = await session.query<{ letter: string }>(
    `SELECT old_letter AS letter FROM ${scope.stage}_search WHERE kind = '${kind}' AND old_letter IS NOT NULL
     UNION SELECT new_letter FROM ${scope.stage}_search WHERE kind = '${kind}' AND new_letter IS NOT NULL AND is_listed
     ORDER BY 1`,
  );
  for (const { letter: suffix } of letters) {
    const leaves = `p.old_letter = '${suffix}' AND NOT (p.is_listed AND p.new_letter <=> p.old_letter)`;
    const stands = `p.new_letter = '${suffix}' AND p.is_listed`;
    touched.push(await writeTable(session, scope, kind, suffix, leaves, stands));
  }
  return touched.filter(({ writtenRows, deletedRows }) => writtenRows + deletedRows > 0);
}

async function writeTable(
  session: Session,
  { tables, stage }: PublishScope,
  kind: SearchKind,
  suffix: string,
  leaves: string,
  stands: string,
): Promise<SearchTouched> {
  const startedAt = performance.now();
  const columns = searchColumns[kind].map(({ name }) => name);
  const planned = `${stage}_search p`;
  const { affectedRows: deletedRows } = await session.run(
    `DELETE o FROM ${planned} STRAIGHT_JOIN ${tables.search(kind, suffix)} o ON o.npi = p.npi WHERE p.kind = '${kind}' AND ${leaves}`,
  );
  await session.query(
    `INSERT INTO ${tables.search(kind, suffix)} (npi, ${columns.join(', ')})
     SELECT k.npi, ${sources(kind, 'k').join(', ')}
     FROM ${planned} STRAIGHT_JOIN ${tables.data(dataTable[kind])} k ON k.npi = p.npi
     WHERE p.kind = '${kind}' AND ${stands} ORDER BY p.npi
     ON DUPLICATE KEY UPDATE ${columns.map((name, i) => `${name} = ${sources(kind, 'k')[i]}`).join(', ')}`,
  );
  const [written] = await session.query<{ rowCount: number }>(
    `SELECT COUNT(*) AS rowCount FROM ${planned} WHERE p.kind = '${kind}' AND ${stands}`,
  );
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    kind,
    table: `search_${kind}_${suffix}`,
    writtenRows: written?.rowCount ?? 0,
    deletedRows,
    seconds,
  };
}
