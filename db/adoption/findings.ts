import type { AdoptPlan } from './range.ts';
import { refusalOf } from './refusals.ts';
import { allTables } from './tables.ts';
import { liveTables, searchLetters, type SearchKind } from '../schema/tables.ts';
import { isDeactivated } from '../registry/dates.ts';
import { searchedAs, visible } from '../registry/search.ts';
import type { Session } from '../connection/session.ts';

/** Faults in the rows of an existing database, counted. */
export interface RowFindings {
  readonly rows: Readonly<Record<string, number>>;
  /** NPIs with more than one row across the three tables, and the rows that will be removed. */
  readonly doubled: { readonly npis: number; readonly rows: number };
  readonly refused: Readonly<Record<string, number>>;
  /** Rows in the table of another entity type. */
  readonly misplaced: number;
  /** Values as long as their column, where the column is narrower than CMS's. */
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
  return (
    doubled.npis === 0 &&
    Object.keys(refused).length === 0 &&
    misplaced === 0 &&
    isFound(search.surgeon) &&
    isFound(search.facility)
  );
}

/** Counts the faults. Reads every row and changes nothing. Calls `onStep` before each count. */
export async function countFindings(
  session: Session,
  plan: AdoptPlan,
  onStep: (step: string) => void,
): Promise<RowFindings> {
  onStep('counting rows');
  const rows: Record<string, number> = {};
  for (const { original, isAbsent } of plan.tables.data)
    rows[original] = isAbsent ? 0 : await countOf(session, `SELECT COUNT(*) AS n FROM ${original}`);
  onStep('counting refused rows');
  const refused = await countRefused(session, plan);
  onStep('counting duplicate NPIs');
  const doubled = await countDoubled(session, plan);
  onStep('counting values that may have been cut');
  const misplaced = await countMisplaced(session, plan);
  const filled = await countFilled(session, plan);
  onStep('comparing the search tables');
  const search = {
    surgeon: await compareSearch(session, plan, 'surgeon'),
    facility: await compareSearch(session, plan, 'facility'),
  };
  return { rows, doubled, refused, misplaced, filled, search };
}

const present = ({ tables }: AdoptPlan) => tables.data.filter(({ isAbsent }) => !isAbsent);

async function countOf(session: Session, sql: string): Promise<number> {
  const [row] = await session.query<{ n: number | string | null }>(sql);
  return Number(row?.n ?? 0);
}

async function countRefused(session: Session, plan: AdoptPlan): Promise<Record<string, number>> {
  const refused: Record<string, number> = {};
  for (const { original } of present(plan)) {
    const found = await session.query<{ reason: string; n: number }>(
      `SELECT r.reason, COUNT(*) AS n FROM (SELECT ${refusalOf('k', plan.words)} AS reason FROM ${original} k) r
       WHERE r.reason IS NOT NULL GROUP BY r.reason`,
    );
    for (const { reason, n } of found) refused[reason] = (refused[reason] ?? 0) + n;
  }
  return refused;
}

async function countDoubled(session: Session, plan: AdoptPlan): Promise<RowFindings['doubled']> {
  const accepted = present(plan).map(
    ({ original }) => `SELECT k.npi FROM ${original} k WHERE ${refusalOf('k', plan.words)} IS NULL`,
  );
  if (accepted.length === 0) return { npis: 0, rows: 0 };
  const [row] = await session.query<{ npis: number; rowCount: number | null }>(
    `SELECT COUNT(*) AS npis, CAST(SUM(d.n - 1) AS UNSIGNED) AS rowCount FROM (
       SELECT npi, COUNT(*) AS n FROM (${accepted.join(' UNION ALL ')}) a GROUP BY npi HAVING n > 1) d`,
  );
  return { npis: row?.npis ?? 0, rows: row?.rowCount ?? 0 };
}

async function countMisplaced(session: Session, plan: AdoptPlan): Promise<number> {
  let misplaced = 0;
  for (const [type, { original, isAbsent }] of plan.tables.data.entries()) {
    if (isAbsent) continue;
    misplaced += await countOf(
      session,
      `SELECT COUNT(*) AS n FROM ${original} k WHERE ${refusalOf('k', plan.words)} IS NULL
         AND COALESCE(k.entity_type_code, '') <> '${type === 0 ? '' : type}'`,
    );
  }
  return misplaced;
}

async function countFilled(session: Session, plan: AdoptPlan): Promise<number> {
  let filled = 0;
  for (const { original, narrow } of present(plan)) {
    if (narrow.length === 0) continue;
    const sums = narrow.map(({ name, width = 0 }) => `COALESCE(SUM(CHAR_LENGTH(k.${name}) >= ${width}), 0)`);
    filled += await countOf(session, `SELECT ${sums.join(' + ')} AS n FROM ${original} k`);
  }
  return filled;
}

/** Uses the rows in the table of the provider's type. A duplicate NPI counts if a search should find any of its rows. */
async function compareSearch(session: Session, plan: AdoptPlan, kind: SearchKind): Promise<SearchFindings> {
  const type = kind === 'surgeon' ? 1 : 2;
  const { original: providers, isAbsent } = plan.tables.data[type];
  const absent = new Set(allTables(plan.tables).flatMap((table) => (table.isAbsent ? [table.original] : [])));
  const { search } = liveTables(plan.schemas);
  const all = search(kind, 'all');
  const { values, columns } = searchedAs(kind, 'k', 'l');
  const name = values[columns.indexOf(kind === 'surgeon' ? 'last_name' : 'facility_name')] ?? '';
  const isWanted = `${refusalOf('k', plan.words)} IS NULL AND k.entity_type_code = '${type}' AND NOT ${isDeactivated('k')}`;
  const wantedWhere = async (more: string) =>
    isAbsent
      ? 0
      : countOf(session, `SELECT COUNT(DISTINCT k.npi) AS n FROM ${providers} k WHERE ${isWanted}${more}`);
  const wanted = await wantedWhere('');
  const isThere = `EXISTS (SELECT 1 FROM ${all} o WHERE o.npi = k.npi)`;
  const allRows = absent.has(all) ? 0 : await countOf(session, `SELECT COUNT(*) AS n FROM ${all}`);
  const foundNpis = absent.has(all) ? 0 : await wantedWhere(` AND ${isThere}`);
  let letterRows = 0;
  for (const table of searchLetters.map((letter) => search(kind, letter)))
    if (!absent.has(table)) letterRows += await countOf(session, `SELECT COUNT(*) AS n FROM ${table}`);
  return {
    wanted,
    missing: wanted - foundNpis,
    superfluous: allRows - foundNpis,
    letterRows,
    letterWanted: await wantedWhere(` AND COALESCE(${visible(name)}, '') <> ''`),
  };
}
