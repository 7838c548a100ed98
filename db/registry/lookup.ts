import { and, eq, like, sql } from 'drizzle-orm';
import type { MySqlColumn } from 'drizzle-orm/mysql-core';
import { facilityTable, searchLetterTable, surgeonTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** A provider: the columns of its row that have a value, and its table. */
export interface ProviderFound {
  readonly table: string;
  readonly columns: Readonly<Record<string, string | number>>;
}

/** The row of an NPI in `npi_data_0/1/2`, if any. */
export async function lookupProvider(
  session: Session,
  schemas: Schemas,
  npi: string,
): Promise<ProviderFound | undefined> {
  for (const type of [0, 1, 2]) {
    const table = `npi_data_${type}`;
    const [row] = await session.query<Record<string, string | number | null>>(
      `SELECT * FROM ${schemas.application}.${table} WHERE npi = ?`,
      [npi],
    );
    if (row === undefined) continue;
    const filled = Object.entries(row).filter((entry): entry is [string, string | number] =>
      Boolean(entry[1]),
    );
    return { table, columns: Object.fromEntries(filled) };
  }
  return undefined;
}

/**
 * A search for names that start with `name`. With `isAnywhere` it searches as the application does: for names that contain
 * `name`, among the names with the same first letter.
 */
export interface SearchQuestion {
  readonly name: string;
  readonly state?: string;
  readonly isAnywhere?: boolean;
  readonly limitRows: number;
}

/** One row of a search table, with the application's column names. */
export type SearchAnswer =
  | ({ readonly kind: 'surgeon' } & ReturnType<typeof surgeonTable>['$inferSelect'])
  | ({ readonly kind: 'facility' } & ReturnType<typeof facilityTable>['$inferSelect']);

/**
 * Finds surgeons, ordered by last name, then facilities, ordered by name, up to `limitRows` of each. With `isAnywhere` it
 * orders facilities by state, city and name, as the application does.
 */
export async function searchProviders(
  session: Session,
  { search }: Schemas,
  { name, state, isAnywhere, limitRows }: SearchQuestion,
): Promise<SearchAnswer[]> {
  const trimmed = name.trim();
  const suffix = await letterOf(session, trimmed);
  const pattern = `${isAnywhere ? '%' : ''}${trimmed.replace(/[\\%_]/g, '\\$&')}%`;
  const surgeon = surgeonTable(search, suffix);
  const surgeons = await session.orm((db) =>
    db
      .select()
      .from(surgeon)
      .where(and(like(surgeon.last_name, pattern), inState(surgeon.state, state)))
      .orderBy(surgeon.last_name, surgeon.npi)
      .limit(limitRows),
  );
  const facility = facilityTable(search, suffix);
  const facilityPlace = isAnywhere ? [facility.state, facility.city] : [];
  const facilities = await session.orm((db) =>
    db
      .select()
      .from(facility)
      .where(and(like(facility.facility_name, pattern), inState(facility.state, state)))
      .orderBy(...facilityPlace, facility.facility_name, facility.npi)
      .limit(limitRows),
  );
  return [
    ...surgeons.map((row) => ({ kind: 'surgeon' as const, ...row })),
    ...facilities.map((row) => ({ kind: 'facility' as const, ...row })),
  ];
}

const inState = (column: MySqlColumn, state: string | undefined) =>
  state === undefined ? undefined : eq(column, state);

/** The letter of a name (contract, rule 8), or `a`. A load uses the same table `search_letter`. */
async function letterOf(session: Session, name: string): Promise<string> {
  const { letter } = searchLetterTable;
  const [found] = await session.orm((db) =>
    db
      .select({ letter })
      .from(searchLetterTable)
      .where(eq(letter, sql`LEFT(${name}, 1)`)),
  );
  return found?.letter ?? 'a';
}
