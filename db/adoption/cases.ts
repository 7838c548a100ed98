import type { Statement } from './tables.ts';
import { allTimestampColumns } from '../cases/status.ts';
import { givingWay } from '../baseline/rename.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** The timestamp columns that the application's `cases` lacks. */
export interface CasesLack {
  readonly hasTable: boolean;
  readonly columns: readonly string[];
  /** Adds them; absent when no column is missing. */
  readonly statement?: Statement;
}

/** Finds the timestamp columns that `cases` lacks. They get the type of an existing one. */
export async function casesLack(session: Session, { application }: Schemas): Promise<CasesLack> {
  const found = await session.query<{ name: string; type: string }>(
    `SELECT column_name AS name, column_type AS type FROM information_schema.columns
     WHERE table_schema = ? AND table_name = 'cases'`,
    [application],
  );
  if (found.length === 0) return { hasTable: false, columns: [] };
  const types = new Map(found.map(({ name, type }) => [name, type]));
  const columns = allTimestampColumns.filter((name) => !types.has(name));
  if (columns.length === 0) return { hasTable: true, columns };
  const sibling = allTimestampColumns.find((name) => types.has(name));
  const type = (sibling === undefined ? undefined : types.get(sibling)) ?? 'datetime';
  const adds = columns.map((name) => `ADD COLUMN ${name} ${type} NULL`);
  const statement = {
    what: 'add the missing timestamp columns to cases; does not rewrite rows',
    sql: `ALTER TABLE ${application}.cases ${adds.join(', ')}, ALGORITHM=INSTANT`,
  };
  return { hasTable: true, columns, statement };
}

/** Adds the timestamp columns that `cases` lacks. */
export async function completeCases(session: Session, schemas: Schemas): Promise<CasesLack> {
  const lack = await casesLack(session, schemas);
  if (lack.statement) await givingWay(session, lack.statement.sql, 'ALTER TABLE cases');
  return lack;
}
