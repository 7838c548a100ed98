import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** SQL for joining the application's `cases` with the lines of the ledger. */
export interface CaseTable {
  /** `schema.cases`. */
  readonly place: string;
  /** Joins the case `c` to the ledger's line `m`, with the collation of the application's column. */
  readonly joinsLine: string;
  /** An ID with the character set and collation of the application's column. */
  asColumn(id: string): string;
}

/**
 * Reads how the application's column compares IDs. Every statement about a case needs this.
 * @throws DbError CasesNotReady when the column does not exist
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
