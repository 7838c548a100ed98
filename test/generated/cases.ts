import { createCases } from '../../db/cases/sample-cases.ts';
import { forever, type Pipeline } from '../bed/pipeline.ts';

/** A case as tests write and read it. */
export interface CaseRow {
  readonly id: string;
  readonly status: number | null;
  readonly active?: number | null;
  readonly pending?: string | null;
  readonly paid?: string | null;
}

/** A `case_id` that sorts in the order of its number. */
export const caseId = (number: number) => `case-${String(number).padStart(6, '0')}`;

/** `count` active cases with one status, numbered from `first`. */
export const casesOf = (status: number, count: number, first = 1): CaseRow[] =>
  Array.from({ length: count }, (_, index) => ({ id: caseId(first + index), status }));

/** Creates the table `cases` again with these rows. */
export async function writeCases(
  { database, app }: Pick<Pipeline, 'database' | 'app'>,
  rows: readonly CaseRow[],
): Promise<void> {
  await database.session(forever, async (session) => {
    await session.query(`DROP TABLE IF EXISTS ${app}.cases`);
    await createCases(session, app);
    const values = rows.map(({ id, status, active = 1, pending = null, paid = null }) => [
      id,
      status,
      active,
      pending,
      paid,
      '2026-01-01 00:00:00',
    ]);
    for (let from = 0; from < values.length; from += 5000) {
      await session.run(
        `INSERT INTO ${app}.cases (case_id, case_status, active, pending_payment_ts, paid_to_provider_ts, case_updated_ts)
         VALUES ?`,
        [values.slice(from, from + 5000)],
      );
    }
  });
}

/** The number of active cases for each status. */
export async function countByStatus({ query, app }: Pick<Pipeline, 'query' | 'app'>): Promise<unknown> {
  const found = await query<{ status: number; cases: number }>(
    `SELECT case_status AS status, COUNT(*) AS cases FROM ${app}.cases GROUP BY case_status ORDER BY case_status`,
  );
  return Object.fromEntries(found.map(({ status, cases }) => [status, cases]));
}
