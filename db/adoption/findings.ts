import type { AdoptPlan } from './range.ts';
import { refusalOf } from './refusals.ts';
import { tablesIn } from './tables.ts';
import { liveTables, searchLetters, type SearchKind } from '../schema/tables.ts';
import { isDeactivated } from '../registry/dates.ts';
import { nameOf, searchedAs, visible } from '../registry/search.ts';
import type { Session } from '../connection/session.ts';

/** Faults in the rows of an existing database, counted. */
export interface RowFindings {
  readonly rows: Readonly<Record<string, number>>;
  /** NPIs with more than one row across the three tables, and the rows that will be removed. */
  readonly doubled: { readonly npis: number; readonly rows: number };
  readonly refused: Readonly<Record<string, number>>;
  /** Rows in the table of another entity type. */
  readonly misplaced: number;
  /** Values as long as their column, where the column is narrower than CMS's. An earlier loader may have cut them. */
  readonly filled: number;
  readonly search: Readonly<Record<SearchKind, SearchFindings>>;
}

/** The search tables of one kind compared with the providers that a search should find. */
interface SearchFindings {
  readonly wanted: number;
  /** Wanted providers that are not in `search_<kind>_all`. */
  readonly missing: number;
  /** Rows of `search_<kind>_all` for other providers, and repeated rows. */
  readonly superfluous: number;
  /** Rows in the letter tables, and how many there should be. */
  readonly letterRows: number;
  readonly letterWanted: number;
}

/** Whether the rows meet the contract. */
export function areSound({ doubled, refused, misplaced, search }: RowFindings): boolean {
  const isFound = ({ missing, superfluous, letterRows, letterWanted }: SearchFindings) =>
    missing === 0 && superfluous === 0 && letterRows === letterWanted;
  const isRefused = Object.keys(refused).length > 0;
  return doubled.npis + misplaced === 0 && !isRefused && isFound(search.surgeon) && isFound(search.facility);
}

/** Counts the faults. Reads every row and changes nothing. Calls `onStep` before each count. */
export async function countFindings(
  session: Session,
  plan: AdoptPlan,
  onStep: (step: string) => void,
): Promise<RowFindings> {
  onStep('counting rows');
  const counted = await countRows(session, plan);
  onStep('counting duplicate NPIs');
  const doubled = await countDoubled(session, plan);
  onStep('comparing the search tables');
  const surgeon = await compareSearch(session, plan, 'surgeon');
  const facility = await compareSearch(session, plan, 'facility');
  return { ...counted, doubled, search: { surgeon, facility } };
}

async function countRows(session: Session, { tables, words }: AdoptPlan) {
  const rows: Record<string, number> = {};
  const refused: Record<string, number> = {};
  let [misplaced, filled] = [0, 0];
  for (const [type, { original, narrow }] of tables.data.entries()) {
    const isFilled = narrow.map(({ name, width }) => `COALESCE(CHAR_LENGTH(k.${name}) >= ${width}, 0)`);
    const alike = await session.query<{ reason: string | null; type: number; n: number; filled: number }>(
      `SELECT ${refusalOf('k', words)} AS reason, COALESCE(k.entity_type_code, '') + 0 AS type, COUNT(*) AS n,
         CAST(SUM(${['0', ...isFilled].join(' + ')}) AS UNSIGNED) AS filled FROM ${original} k GROUP BY reason, type`,
    );
    rows[original] = alike.reduce((sum, { n }) => sum + n, 0);
    filled += alike.reduce((sum, row) => sum + row.filled, 0);
    for (const { reason, type: found, n } of alike) {
      if (reason !== null) refused[reason] = (refused[reason] ?? 0) + n;
      else if (found !== type) misplaced += n;
    }
  }
  return { rows, refused, misplaced, filled };
}

async function countDoubled(session: Session, { tables, words }: AdoptPlan): Promise<RowFindings['doubled']> {
  const accepted = tables.data.map(
    ({ original }) => `SELECT k.npi FROM ${original} k WHERE ${refusalOf('k', words)} IS NULL`,
  );
  const [row] = await session.query<RowFindings['doubled']>(
    `SELECT COUNT(*) AS npis, CAST(COALESCE(SUM(d.n - 1), 0) AS UNSIGNED) AS \`rows\` FROM (
       SELECT npi, COUNT(*) AS n FROM (${accepted.join(' UNION ALL ')}) a GROUP BY npi HAVING n > 1) d`,
  );
  return row ?? { npis: 0, rows: 0 };
}

/** Uses the rows in the table of the provider's type. A duplicate NPI counts if a search should find any of its rows. */
async function compareSearch(session: Session, plan: AdoptPlan, kind: SearchKind): Promise<SearchFindings> {
  const { schemas, tables, words } = plan;
  const present = new Set(await tablesIn(session, [schemas.search]));
  const rowsOf = (suffix: string) => {
    const table = liveTables(schemas).search(kind, suffix);
    return present.has(table) ? table : '(SELECT 0 AS npi LIMIT 0)';
  };
  const type = kind === 'surgeon' ? 1 : 2;
  const { values, columns } = searchedAs(kind, 'k', 'l');
  const name = values[columns.indexOf(nameOf[kind])] ?? '';
  const letterRows = searchLetters.map((letter) => `(SELECT COUNT(*) FROM ${rowsOf(letter)} o)`);
  const [row] = await session.query<
    Record<'wanted' | 'found' | 'allRows' | 'letterRows' | 'letterWanted', number>
  >(
    `SELECT COUNT(DISTINCT k.npi) AS wanted, COUNT(DISTINCT o.npi) AS found,
       COUNT(DISTINCT IF(COALESCE(${visible(name)}, '') <> '', k.npi, NULL)) AS letterWanted,
       (SELECT COUNT(*) FROM ${rowsOf('all')} o) AS allRows, ${letterRows.join(' + ')} AS letterRows
     FROM ${tables.data[type].original} k LEFT JOIN ${rowsOf('all')} o ON o.npi = k.npi
     WHERE ${refusalOf('k', words)} IS NULL AND k.entity_type_code = '${type}' AND NOT ${isDeactivated('k')}`,
  );
  const { wanted = 0, found = 0, allRows = 0, ...letters } = row ?? { letterRows: 0, letterWanted: 0 };
  return { wanted, missing: wanted - found, superfluous: allRows - found, ...letters };
}
