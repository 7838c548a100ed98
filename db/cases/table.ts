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
  const place = `${schemas.application}.cases`;
  const { charset, collation } = await comparisonOf(session, place).catch((error: unknown) => {
    if (!(error instanceof DbError) || error.code !== 'DatabaseNotReady') throw error;
    throw new DbError('CasesNotReady', error.message, { errno: error.errno });
  });
  const asColumn = (id: string) =>
    `${charset === 'utf8mb4' ? id : `CONVERT(${id} USING ${charset})`} COLLATE ${collation}`;
  return {
    place,
    joinsLine: `c.case_id = ${asColumn('m.case_id')}`,
    asColumn,
  };
}

/** The join gives one row without reading a case, also when there is none. information_schema would take longer. */
async function comparisonOf(
  session: Session,
  place: string,
): Promise<{ charset: string; collation: string }> {
  const [column] = await session.query<{ charset: string; collation: string }>(
    `SELECT CHARSET(c.case_id) AS charset, COLLATION(c.case_id) AS collation
     FROM (SELECT 1) AS one LEFT JOIN ${place} c ON c.case_id IS NULL LIMIT 1`,
    [],
    'reading the collation of case_id',
  );
  if (!column) throw new Error('The server did not answer the question for a collation.');
  return column;
}
