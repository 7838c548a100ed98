import { sql } from 'drizzle-orm';
import type { SearchTouched, StagedSoFar } from '../schema/ledger-json.ts';
import { searchLogTable, updateLogTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';

/** Writes the application's two logs (contract, rule 10): one row per file, and one per search table touched. */
export async function writeLogs(
  session: Session,
  application: string,
  { member, rows, typeRows }: StagedSoFar,
  touched: readonly SearchTouched[],
): Promise<void> {
  const [total0Rows, total1Rows, total2Rows] = typeRows;
  const executionTs = sql`NOW()`;
  await session.orm((db) =>
    db.insert(updateLogTable(application)).values({
      executionTs,
      filenameProcessed: member,
      totalRows: rows,
      total0Rows,
      total1Rows,
      total2Rows,
    }),
  );
  if (touched.length === 0) return;
  const lines = touched.map(({ kind, table, writtenRows, seconds }) => ({
    executionTs,
    tableType: kind,
    tableName: table,
    recordsInserted: writtenRows,
    executionTimeSeconds: seconds.toFixed(3),
    status: 'success' as const,
  }));
  await session.orm((db) => db.insert(searchLogTable(application)).values(lines));
}
