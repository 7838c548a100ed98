import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import { isDeactivated } from '../registry/dates.ts';
import { nameOf, visible } from '../registry/search.ts';
import type { RowCounts, SearchTouched } from '../schema/ledger-json.ts';
import type { SearchKind } from '../schema/tables.ts';
import { searchTables, type Shadow } from './shadow.ts';

/** The number of rows of a table, by a full count, or of those that fulfill `condition`. */
export async function countRows(session: Session, table: string, condition = 'TRUE'): Promise<number> {
  const [row] = await session.query<{ rowCount: number }>(
    `SELECT COUNT(*) AS rowCount FROM ${table} WHERE ${condition}`,
    [],
    `counting ${table}`,
  );
  return row?.rowCount ?? 0;
}

/**
 * Compares the shadow's three provider tables with the counts of its ranges: each provider of the file has one row, and each
 * known provider that stays has one. Later weeks that are retried on the shadow add rows, so call it before.
 * @throws DbError CountsDiffer
 */
export async function checkProviders(
  session: Session,
  { tables }: Shadow,
  { counts, kept }: { readonly counts: RowCounts; readonly kept: number },
): Promise<void> {
  const { inserted, updated, unchanged, stale } = counts;
  const expected = inserted + updated + unchanged + stale + kept;
  let found = 0;
  for (const type of [0, 1, 2] as const) found += await countRows(session, tables.data(type));
  if (found === expected) return;
  throw new DbError(
    'CountsDiffer',
    `The shadow tables have ${found} providers, but the counts of the file add up to ${expected}.`,
  );
}

/**
 * Counts the rows of each search table of a shadow, for the log, and compares them with the providers: `_all` has each one
 * that is not deactivated, and the letters have each one of those with a name. `seconds` has the measured times by table.
 * @throws DbError CountsDiffer
 */
export async function countSearch(
  session: Session,
  shadow: Shadow,
  seconds: Readonly<Record<string, number>>,
): Promise<SearchTouched[]> {
  const touched: SearchTouched[] = [];
  for (const { kind, suffix } of searchTables()) {
    const table = `search_${kind}_${suffix}`;
    const writtenRows = await countRows(session, shadow.tables.search(kind, suffix));
    touched.push({ kind, table, writtenRows, deletedRows: 0, seconds: seconds[table] ?? 0 });
  }
  for (const kind of ['surgeon', 'facility'] as const) await checkSearch(session, shadow, kind, touched);
  return touched;
}

async function checkSearch(
  session: Session,
  { tables }: Shadow,
  kind: SearchKind,
  touched: readonly SearchTouched[],
): Promise<void> {
  const all = `search_${kind}_all`;
  const ofKind = touched.filter((table) => table.kind === kind);
  const rowsOf = (isCounted: (table: SearchTouched) => boolean) =>
    ofKind.filter(isCounted).reduce((sum, { writtenRows }) => sum + writtenRows, 0);
  const listed = await countRows(
    session,
    `${tables.data(kind === 'surgeon' ? 1 : 2)} k`,
    `NOT ${isDeactivated('k')}`,
  );
  const named = await countRows(
    session,
    tables.search(kind, 'all'),
    `COALESCE(${visible(nameOf[kind])}, '') <> ''`,
  );
  const [inAll, inLetters] = [rowsOf(({ table }) => table === all), rowsOf(({ table }) => table !== all)];
  if (inAll === listed && inLetters === named) return;
  throw new DbError(
    'CountsDiffer',
    `${all} has ${inAll} rows for ${listed} active providers, and the tables of the letters have ${inLetters} for ${named} names.`,
  );
}
