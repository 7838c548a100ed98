import type { Session } from '../connection/session.ts';

/** NPIs from `from` to just before `to`. */
export interface NpiSpan {
  readonly from: number;
  readonly to: number;
}

/** Every number that can be in a column of NPIs. */
export const allNpis: NpiSpan = { from: 0, to: 10_000_000_000 };

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
    let end = to;
    for (const table of tables) {
      const [next] = await session.query<{ npi: number }>(
        `SELECT npi FROM ${table} WHERE npi >= ? AND npi < ? ORDER BY npi LIMIT 1 OFFSET ${rowsPerStep}`,
        [start, end],
        `finding the next step in ${table}`,
      );
      // Without a primary key an NPI can have many rows; a step then takes all of them.
      if (next && next.npi > start) end = next.npi;
    }
    yield { from: start, to: end };
    start = end;
  }
}

export const inSpan = (row: string, { from, to }: NpiSpan): string =>
  `${row}.npi >= ${from} AND ${row}.npi < ${to}`;
