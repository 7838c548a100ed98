import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** How the application's `cases` and the ledger's lines meet in SQL. */
export interface CaseTable {
  /** `schema.cases`. */
  readonly place: string;
  /** The case of the ledger's line `m`: its id as the application's column compares ids. */
  readonly joinsLine: string;
  /** An id of our own as the application's column compares it. */
  asColumn(id: string): string;
}

/**
 * Reads how the application's column compares ids; every statement about a case goes through this.
 * @throws DbError CasesNotReady when there is no such column
 */
export async function readCaseTable(session: Session, schemas: Schemas): Promise<CaseTable> {
  const [column] = await session.query<{ charset: string; collation: string }>(
    `SELECT character_set_name AS charset, collation_name AS collation FROM information_schema.columns
     WHERE table_schema = ? AND table_name = 'cases' AND column_name = 'case_id'`,
    [schemas.application],
  );
  if (!column) throw new DbError('CasesNotReady', `missing column: ${schemas.application}.cases.case_id`);
  const { charset, collation } = column;
  const asColumn = (id: string) =>
    `${charset === 'utf8mb4' ? id : `CONVERT(${id} USING ${charset})`} COLLATE ${collation}`;
  return {
    place: `${schemas.application}.cases`,
    joinsLine: `c.case_id = ${asColumn('m.case_id')}`,
    asColumn,
  };
}
