import { isDeactivated } from './dates.ts';
import { allNpis, inSpan, npiSteps, type NpiSpan } from './npi-steps.ts';
import { searchedAs } from './search.ts';
import type { Session } from '../connection/session.ts';
import { liveTables, searchLetters, type Schemas, type SearchKind } from '../schema/tables.ts';

/** A search row that is not as the providers say (contract, rule 8). */
export interface SearchDifference {
  readonly npi: number;
  /** The table without its schema. */
  readonly table: string;
  readonly what: 'missing' | 'differs' | 'not expected' | 'repeated';
}

/** What a comparison of the 27 search tables of one kind found. */
export interface SearchCheck {
  /** Search rows that are there or should be there. */
  readonly compared: number;
  readonly differences: number;
  readonly first: readonly SearchDifference[];
}

const rowsPerStep = 2000;

/**
 * Compares the search tables of a kind with the providers, in both directions: each active provider has its row in `_all`
 * and, if it has a name, in the table of its letter, and there is no other row.
 */
export async function checkSearchTables(
  session: Session,
  schemas: Schemas,
  kind: SearchKind,
  shown: number,
): Promise<SearchCheck> {
  const { data, search } = liveTables(schemas);
  const sources = [data(kind === 'surgeon' ? 1 : 2), search(kind, 'all')];
  let [compared, differences] = [0, 0];
  const first: SearchDifference[] = [];
  for await (const step of npiSteps(session, sources, allNpis, rowsPerStep)) {
    const [found] = await session.query<StepFound>(
      stepStatement(schemas, kind, step, shown),
      [],
      `comparing ${kind} search tables`,
    );
    compared += found?.compared ?? 0;
    differences += Number(found?.differences ?? 0);
    for (const text of found?.first?.split(',') ?? [])
      if (first.length < shown) first.push(readDifference(kind, text));
  }
  return { compared, differences, first };
}

// Sums are decimals, which arrive as text.
interface StepFound {
  readonly compared: number;
  readonly differences: string | null;
  readonly first: string | null;
}

/**
 * One statement for one step, so that a load cannot come between the providers and the search tables. It joins nothing: the
 * wanted and the found rows are grouped by NPI and table, and a group is right when it has one of each with the same digest.
 */
function stepStatement(schemas: Schemas, kind: SearchKind, step: NpiSpan, shown: number): string {
  const { data, search } = liveTables(schemas);
  const { columns, values, suffix, joinsLetter } = searchedAs(kind, 'k', 'l');
  const source = data(kind === 'surgeon' ? 1 : 2);
  const isWanted = `${inSpan('k', step)} AND NOT ${isDeactivated('k')}`;
  const wanted = [
    `SELECT k.npi AS npi, 'all' AS suffix, 1 AS wanted, 0 AS found, ${digest(values)} AS digest FROM ${source} k WHERE ${isWanted}`,
    `SELECT k.npi, ${suffix} AS own_suffix, 1, 0, ${digest(values)} FROM ${source} k LEFT JOIN search_letter l ON ${joinsLetter}
     WHERE ${isWanted} HAVING own_suffix <> ''`,
  ];
  const found = ['all', ...searchLetters].map(
    (letter) =>
      `SELECT o.npi, '${letter}', 0, 1, ${digest(columns.map((column) => `o.${column}`))}
       FROM ${search(kind, letter)} o WHERE ${inSpan('o', step)}`,
  );
  return `SELECT COUNT(*) AS compared, SUM(isWrong) AS differences,
      SUBSTRING_INDEX(GROUP_CONCAT(IF(isWrong, CONCAT_WS(' ', npi, suffix, wanted, found), NULL) ORDER BY npi, suffix), ',', ${shown}) AS first
    FROM (SELECT npi, suffix, SUM(wanted) AS wanted, SUM(found) AS found,
        (SUM(wanted) <> 1 OR SUM(found) <> 1 OR MIN(digest) <> MAX(digest)) AS isWrong
      FROM (${[...wanted, ...found].map((select) => `(${select})`).join(' UNION ALL ')}) entry
      GROUP BY npi, suffix) compared`;
}

const digest = (values: readonly string[]) =>
  `SHA2(CONCAT_WS(CHAR(31 USING utf8mb4), ${values.map((value) => `COALESCE(${value}, '')`).join(', ')}), 256)`;

function readDifference(kind: SearchKind, text: string): SearchDifference {
  const [npi, suffix = '', wanted, found] = text.split(' ');
  const what =
    found === '0' ? 'missing' : wanted === '0' ? 'not expected' : found === '1' ? 'differs' : 'repeated';
  return { npi: Number(npi), table: `search_${kind}_${suffix}`, what };
}
