import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';
import { allTimestampColumns, timestampColumn } from './status.ts';
import { readCaseTable } from './table.ts';

/** What became of the cases that a dry run found. `moved`, `unmoved` and `changed` add up to the selection of the run. */
export interface CaseComparison {
  /** Cases that got the status of the run since. */
  readonly moved: number;
  /** Those of `moved` that had got another status after the dry run and before this one: the move replaced it. */
  readonly overChange: readonly string[];
  /** Cases that still have the status in which the dry run found them. */
  readonly unmoved: number;
  /** Cases that got another status or became inactive, and did not get the status of the run. */
  readonly changed: number;
  /** Cases that got the status of the run since, although the dry run did not find them. */
  readonly others: number;
}

/** A dry run of a job, with the statuses between which it would have moved cases. */
export interface ComparedRun {
  readonly runId: string;
  readonly source: number;
  readonly target: number;
}

/**
 * Compares the cases that a dry run found with the table of now. Only timestamps can tell: a change to a status without one
 * is not seen. Writes nothing.
 */
export async function compareCases(
  session: Session,
  schemas: Schemas,
  { runId, source, target }: ComparedRun,
): Promise<CaseComparison> {
  const { place, joinsLine } = await readCaseTable(session, schemas);
  const ts = timestampColumn(target);
  // The application writes whole seconds.
  const since = 'cr.selected_at - INTERVAL 1 SECOND';
  const isMoved = `c.${ts} > ${since}`;
  const selection = `FROM case_run cr JOIN case_move m ON m.run_id = cr.run_id LEFT JOIN ${place} c ON ${joinsLine}`;
  const fates = await session.query<{ fate: keyof CaseComparison; cases: number }>(
    `SELECT CASE WHEN ${isMoved} THEN 'moved'
       WHEN c.active = 1 AND c.case_status = m.from_status THEN 'unmoved' ELSE 'changed' END AS fate, COUNT(*) AS cases
     ${selection} WHERE cr.run_id = ? GROUP BY fate`,
    [runId],
    'comparing cases with a dry run',
  );
  const count = (wanted: string) => fates.find(({ fate }) => fate === wanted)?.cases ?? 0;
  const [all] = await session.query<{ cases: number }>(
    `SELECT COUNT(*) AS cases FROM case_run cr JOIN ${place} c ON ${isMoved} WHERE cr.run_id = ?`,
    [runId],
    'counting moved cases',
  );
  const other = await otherTimestamps(session, place, [source, target]);
  const isBetween = other.map((column) => `(c.${column} > ${since} AND c.${column} <= c.${ts})`).join(' OR ');
  const over = await session.query<{ id: string }>(
    `SELECT m.case_id AS id ${selection} WHERE cr.run_id = ? AND ${isMoved} AND (${isBetween || 'FALSE'}) ORDER BY m.case_id`,
    [runId],
    'reading cases that were moved over a change',
  );
  return {
    moved: count('moved'),
    overChange: over.map(({ id }) => id),
    unmoved: count('unmoved'),
    changed: count('changed'),
    others: (all?.cases ?? 0) - count('moved'),
  };
}

/** The timestamp columns of other statuses, as far as the table has them and the login may read them. */
async function otherTimestamps(
  session: Session,
  place: string,
  statuses: readonly number[],
): Promise<string[]> {
  const names = await session.query<{ name: string }>(
    "SELECT column_name AS name FROM information_schema.columns WHERE CONCAT(table_schema, '.', table_name) = ?",
    [place],
  );
  const own = statuses.map(timestampColumn);
  const present = new Set(names.map(({ name }) => name));
  return allTimestampColumns.filter((name) => present.has(name) && !own.includes(name));
}
