import { isDeactivated } from './dates.ts';
import { stageProviders } from './staging.ts';
import type { PublishScope } from './publish-scope.ts';
import { areSame, collationsOf } from '../connection/collation.ts';
import type { SearchTouched } from '../schema/ledger-json.ts';
import type { Session } from '../connection/session.ts';
import { searchColumns, type SearchKind } from '../schema/tables.ts';

const kinds = ['surgeon', 'facility'] as const;
const dataTable = { surgeon: 1, facility: 2 } as const;
/** The column of a search table that decides the letter. */
export const nameOf = { surgeon: 'last_name', facility: 'facility_name' } as const;

/** `isAnywhere`: an earlier search row can be in the tables of either kind, whatever the plan says. */
type SearchScope = PublishScope & { readonly isAnywhere?: boolean };

/**
 * Updates the search tables for the providers of the plan, inside the transaction that writes them. Writes only search rows
 * that change: random page reads take most of the time, and most changes of a weekly do not affect the search.
 */
export async function updateSearch(session: Session, scope: SearchScope): Promise<SearchTouched[]> {
  await session.query(`DELETE FROM ${scope.stage}_search`);
  const { exact } = await collationsOf(session);
  for (const kind of kinds) await planSearch(session, scope, kind, exact);
  await planLeaves(session, scope);
  return writeSearch(session, scope);
}

/**
 * Writes the search rows of the pinned providers again from their rows in the provider tables, wherever an earlier one is.
 * Uses the staging for that.
 */
export async function searchAgain(
  session: Session,
  scope: PublishScope,
  pin: number,
): Promise<SearchTouched[]> {
  const { tables, versions, stage } = scope;
  const npis = `SELECT t.npi FROM ${versions} t WHERE t.release_id = ${pin}`;
  await session.query(`DELETE FROM ${stage}`);
  await session.query(`DELETE FROM ${stage}_plan`);
  for (const table of [1, 2] as const)
    await stageProviders(session, stage, tables.data(table), { npis, rowNumber: table });
  await session.query(
    `INSERT INTO ${stage} (row_no, npi) SELECT 0, t.npi FROM ${versions} t LEFT JOIN ${stage} s ON s.npi = t.npi
     WHERE t.release_id = ? AND s.npi IS NULL`,
    [pin],
  );
  await session.query(
    `INSERT INTO ${stage}_plan (npi, row_no, is_stub, target, action)
     SELECT s.npi, s.row_no, s.row_no = 0, s.row_no, 'update' FROM ${stage} s`,
  );
  return updateSearch(session, { ...scope, isAnywhere: true });
}

/** The sources of the search columns, cut to their width: in `npi_data_*` the address is a text of any length. */
function sources(kind: SearchKind, row: string): string[] {
  return searchColumns[kind].map(({ source, type }) => `LEFT(${row}.${source}, ${/\d+/.exec(type)?.[0]})`);
}

/**
 * SQL for a name from its first visible character on, without tabs, other blanks and invisible characters before it. Most
 * names begin with a byte from A to z, which spares the pattern.
 */
export const visible = (name: string) =>
  `IF(ASCII(${name}) BETWEEN 65 AND 122, ${name}, REGEXP_REPLACE(${name}, '^[\\\\p{Z}\\\\p{Cc}\\\\p{Cf}]+', ''))`;

/** The letter of a name (rule 8): `a` if it starts with another character, '' if it is empty (then only `_all` has it). */
export const letter = (name: string, found: string) =>
  `IF(COALESCE(${visible(name)}, '') = '', '', COALESCE(${found}.letter, 'a'))`;
/** SQL for the join of `search_letter`, whose alias is `found`, that `letter` needs. */
export const hasLetter = (name: string, found: string) => `${found}.letter = LEFT(${visible(name)}, 1)`;

/** SQL expressions for the search row of a provider `row`; `found` is the alias of `search_letter`. */
export function searchedAs(kind: SearchKind, row: string, found: string) {
  const columns: readonly string[] = searchColumns[kind].map(({ name }) => name);
  const values = sources(kind, row);
  const name = values[columns.indexOf(nameOf[kind])] ?? '';
  return { columns, values, suffix: letter(name, found), joinsLetter: hasLetter(name, found) };
}

/**
 * Adds a line for each provider whose search row will change: the new row under its letter, or a line under `all` if it
 * will be removed. The staging has all the values (a stub only removes), so this does not read the provider tables.
 */
async function planSearch(
  session: Session,
  { tables, stage, isAnywhere }: SearchScope,
  kind: SearchKind,
  exactCollation: string,
): Promise<void> {
  const table = dataTable[kind];
  const name = nameOf[kind];
  const { columns, values: wanted, suffix, joinsLetter } = searchedAs(kind, 's', 'n');
  const isListed = `(p.target = ${table} AND p.is_stub = FALSE AND NOT ${isDeactivated('s')})`;
  const isSame = areSame(
    columns.map((column, i) => [wanted[i] ?? '', `o.${column}`]),
    exactCollation,
  );
  await session.query(
    `INSERT INTO ${stage}_search (kind, is_listed, suffix, npi, old_suffix, ${columns.join(', ')})
     SELECT STRAIGHT_JOIN '${kind}', ${isListed}, IF(${isListed}, ${suffix}, 'all'), p.npi,
       IF(o.npi IS NULL, '', ${letter(`o.${name}`, 'l')}), ${wanted.join(', ')}
     FROM ${stage}_plan p
       JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
       LEFT JOIN ${tables.search(kind, 'all')} o ON o.npi = p.npi
       LEFT JOIN search_letter n ON ${joinsLetter}
       LEFT JOIN search_letter l ON ${hasLetter(`o.${name}`, 'l')}
     WHERE p.action IN ('insert', 'update') AND ${isAnywhere ? 'TRUE' : `(p.known = ${table} OR p.target = ${table})`}
       AND (${isListed} OR o.npi IS NOT NULL) AND NOT (${isListed} AND o.npi IS NOT NULL AND ${isSame})`,
  );
}

/** Adds a line under the letter table that a provider's row must be deleted from. */
async function planLeaves(session: Session, { stage }: PublishScope): Promise<void> {
  await session.query(
    `INSERT INTO ${stage}_search (kind, is_listed, suffix, npi)
     SELECT p.kind, FALSE, p.old_suffix, p.npi FROM ${stage}_search p
     WHERE p.old_suffix <> '' AND NOT (p.is_listed AND p.suffix = p.old_suffix)`,
  );
}

interface Lines {
  readonly kind: SearchKind;
  readonly suffix: string;
  readonly writtenRows: number;
  readonly leavingRows: number;
}

async function writeSearch(session: Session, scope: PublishScope): Promise<SearchTouched[]> {
  const lines = await session.query<Lines>(
    `SELECT kind, suffix, COUNT(is_listed OR NULL) AS writtenRows, COUNT(is_listed = FALSE OR NULL) AS leavingRows
     FROM ${scope.stage}_search GROUP BY kind, suffix ORDER BY kind, suffix`,
  );
  const touched: SearchTouched[] = [];
  for (const kind of kinds) {
    const ofKind = lines.filter((line) => line.kind === kind);
    const writtenRows = ofKind.reduce((sum, line) => sum + line.writtenRows, 0);
    const leavingRows = ofKind.find(({ suffix }) => suffix === 'all')?.leavingRows ?? 0;
    const letters = ofKind.filter(({ suffix }) => suffix !== 'all' && suffix !== '');
    for (const table of [{ kind, suffix: 'all', writtenRows, leavingRows }, ...letters])
      touched.push(await writeTable(session, scope, table));
  }
  return touched.filter(({ writtenRows, deletedRows }) => writtenRows + deletedRows > 0);
}

async function writeTable(
  session: Session,
  { tables, stage }: PublishScope,
  { kind, suffix, writtenRows, leavingRows }: Lines,
): Promise<SearchTouched> {
  const startedAt = performance.now();
  const table = tables.search(kind, suffix);
  let deletedRows = 0;
  if (leavingRows > 0) {
    const deleted = await session.run(
      `DELETE o FROM ${stage}_search p STRAIGHT_JOIN ${table} o ON o.npi = p.npi
       WHERE p.kind = '${kind}' AND p.is_listed = FALSE AND p.suffix = '${suffix}'`,
    );
    deletedRows = deleted.affectedRows;
  }
  if (writtenRows > 0) {
    const columns = searchColumns[kind].map(({ name }) => name);
    const under = suffix === 'all' ? '' : `AND p.suffix = '${suffix}'`;
    await session.query(
      `INSERT INTO ${table} (npi, ${columns.join(', ')})
       SELECT p.npi, ${columns.map((name) => `p.${name}`).join(', ')} FROM ${stage}_search p
       WHERE p.kind = '${kind}' AND p.is_listed = TRUE ${under} ORDER BY p.npi
       ON DUPLICATE KEY UPDATE ${columns.map((name) => `${name} = p.${name}`).join(', ')}`,
    );
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { kind, table: `search_${kind}_${suffix}`, writtenRows, deletedRows, seconds };
}
