import type { Session } from '../connection/session.ts';

/** NPIs from `from` to just before `to`. */
export interface NpiSpan {
  readonly from: number;
  readonly to: number;
}

/** Every number that can be in a column of NPIs. */
export const allNpis: NpiSpan = { from: 0, to: 10_000_000_000 };

/** Part `part` of `parts` of the registry, counted from 1. */
export interface Subset {
  readonly part: number;
  readonly parts: number;
}

// As of 2026 every NPI begins with 1, and CMS does not assign NPIs in order, so parts of the same width hold about the same
// number of providers. Parts by remainder would read every page of the tables.
const [first, end] = [1_000_000_000, 2_000_000_000];

/** The NPIs of a subset. The first and the last part reach to the ends of all numbers. */
export function spanOf({ part, parts }: Subset): NpiSpan {
  const width = (end - first) / parts;
  return {
    from: part === 1 ? allNpis.from : first + Math.floor((part - 1) * width),
    to: part === parts ? allNpis.to : first + Math.floor(part * width),
  };
}

/**
 * Divides a span into steps in which each of the tables has at most `rowsPerStep` rows, so that no statement reads for long:
 * a statement that still reads holds back the RENAME of a monthly.
 */
export async function* npiSteps(
  session: Session,
  tables: readonly string[],
  { from, to }: NpiSpan,
  rowsPerStep: number,
): AsyncGenerator<NpiSpan> {
  let start = from;
  while (start < to) {
    let stop = to;
    for (const table of tables) {
      const [next] = await session.query<{ npi: number }>(
        `SELECT npi FROM ${table} WHERE npi >= ? AND npi < ? ORDER BY npi LIMIT 1 OFFSET ${rowsPerStep}`,
        [start, stop],
        `finding the next step in ${table}`,
      );
      // Without a primary key an NPI can have many rows; a step then takes all of them.
      if (next && next.npi > start) stop = next.npi;
    }
    yield { from: start, to: stop };
    start = stop;
  }
}

export const inSpan = (row: string, { from, to }: NpiSpan): string =>
  `${row}.npi >= ${from} AND ${row}.npi < ${to}`;
