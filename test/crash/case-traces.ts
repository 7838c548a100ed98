import type { CaseUpdateResult } from '../../contract/workflows.ts';
import type { Pipeline } from '../bed/pipeline.ts';

/** Columns that differ in every run, by table. All other columns are compared. */
const leftOut: Readonly<Record<string, readonly string[]>> = {
  // Times. `compared` checks whether they are set.
  cases: ['case_create_ts', 'case_updated_ts', 'pending_payment_ts', 'paid_to_provider_ts'],
  case_run: ['run_id', 'selected_at'],
  case_move: ['run_id', 'state_at', 'previous_ts'],
  run: ['run_id', 'workflow_id', 'started_at', 'finished_at'],
  // Counts attempts.
  lease: ['epoch'],
};

const compared = [
  ['app', 'cases', 'case_id', ['pending_payment_ts IS NULL', 'paid_to_provider_ts IS NULL']],
  ['own', 'case_run', 'run_id', []],
  ['own', 'case_move', 'case_id', ['state_at IS NULL', 'previous_ts IS NULL']],
  ['own', 'run', 'run_id', ['finished_at IS NULL']],
  ['own', 'lease', 'job', []],
] as const;

/** All tables after a run that moved cases, and its report without durations. */
export async function caseTraces(
  name: string,
  { query }: Pipeline,
  { seconds: _seconds, casesPerSecond: _rate, ...report }: CaseUpdateResult,
): Promise<unknown> {
  const tables: Record<string, unknown> = {};
  for (const [schema, table, key, more] of compared) {
    const columns = await query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns
       WHERE table_schema = '${name}_${schema}' AND table_name = '${table}' ORDER BY ordinal_position`,
    );
    const kept = columns.map((column) => column.name).filter((column) => !leftOut[table]?.includes(column));
    const cells = [...kept, ...more].map((cell) => `COALESCE(${cell}, CHAR(2))`).join(', ');
    const [digest] = await query(
      `SELECT COUNT(*) AS rowCount, COALESCE(SUM(CRC32(CONCAT_WS(CHAR(1), ${cells}))), 0) AS sum
       FROM ${name}_${schema}.${table}`,
    );
    tables[table] = { digest, last: await lastRow(query, `${name}_${schema}.${table}`, kept, key) };
  }
  return { tables, report };
}

/** One full row, so that a difference is readable. */
async function lastRow(
  query: Pipeline['query'],
  place: string,
  columns: readonly string[],
  key: string,
): Promise<unknown> {
  const [row] = await query(`SELECT ${columns.join(', ')} FROM ${place} ORDER BY ${key} DESC LIMIT 1`);
  return row;
}
