import type { caseRunTable } from '../schema/schema.ts';
import { exceptionReasons } from './status.ts';
import type { CaseTable } from './table.ts';

export type CaseRun = typeof caseRunTable.$inferSelect;

/** The statements of one run; the parameters of a range are the run, the line before the range, and its last line. */
export interface MoveStatements {
  readonly move: { readonly sql: string; readonly parameters: readonly unknown[] };
  readonly countSelected: string;
  readonly lock: string;
  /** Marks the remaining lines of a range as exceptions. */
  readonly markRest: string;
  /** Reads the status of a case. Unlike an UPDATE that reads the case, it does not wait for its lock. */
  readonly look: string;
  /** Marks one line as an exception. Parameters: status and reason, then the range. */
  readonly markOne: string;
}

const inRange = "m.run_id = ? AND m.case_id > ? AND m.case_id <= ? AND m.state = 'selected'";

/** Builds the statements that move the cases of a run. */
export function moveStatements(table: CaseTable, run: CaseRun): MoveStatements {
  const { place, joinsLine } = table;
  return {
    move: run.undoes === null ? forward(table, run) : back(table, run, run.undoes),
    countSelected: `SELECT COUNT(*) AS count FROM case_move m WHERE ${inRange}`,
    lock: `SELECT COUNT(*) FROM case_move m STRAIGHT_JOIN ${place} c ON ${joinsLine} WHERE ${inRange} FOR UPDATE`,
    markRest: `UPDATE case_move m LEFT JOIN ${place} c ON ${joinsLine}
      SET m.state = 'exception', m.state_at = NOW(), m.from_status = c.case_status, m.reason = ${reasonOf(run)}
      WHERE ${inRange}`,
    markOne: `UPDATE case_move m SET m.state = 'exception', m.state_at = NOW(), m.from_status = ?, m.reason = ? WHERE ${inRange}`,
    look: `SELECT c.case_status AS status FROM case_move m STRAIGHT_JOIN ${place} c ON ${joinsLine} WHERE ${inRange}`,
  };
}

// The line comes before its case in the join, so that it stores the values of the case before they change.
function forward({ place, joinsLine }: CaseTable, run: CaseRun): MoveStatements['move'] {
  const { sourceStatus, targetStatus, timestampColumn: column, isForced } = run;
  const guard =
    sourceStatus === null ? `COALESCE(c.case_status, 0) ${isForced ? '<>' : '<'} ?` : 'c.case_status = ?';
  return {
    sql: `UPDATE case_move m STRAIGHT_JOIN ${place} c ON ${joinsLine}
      SET m.state = 'moved', m.state_at = NOW(), m.from_status = c.case_status,
        ${column === null ? '' : `m.previous_ts = c.${column}, c.${column} = NOW(),`} c.case_status = ?
      WHERE c.active = 1 AND ${guard} AND ${inRange}`,
    parameters: [targetStatus, sourceStatus ?? targetStatus],
  };
}

function back({ place, joinsLine }: CaseTable, run: CaseRun, undoes: string): MoveStatements['move'] {
  const { timestampColumn: column } = run;
  return {
    sql: `UPDATE case_move m
      STRAIGHT_JOIN case_move u ON u.run_id = ? AND u.case_id = m.case_id
      STRAIGHT_JOIN ${place} c ON ${joinsLine}
      SET m.state = 'moved', m.state_at = NOW(),
        ${column === null ? '' : `m.previous_ts = c.${column}, c.${column} = u.previous_ts,`} c.case_status = u.from_status
      WHERE c.active = 1 AND c.case_status = u.to_status
        ${column === null ? '' : `AND c.${column} <=> u.state_at`} AND ${inRange}`,
    parameters: [undoes],
  };
}

function reasonOf({ undoes, targetStatus, isForced }: CaseRun): string {
  const { missing, equal, lower, movedMeanwhile } = exceptionReasons;
  const status = 'COALESCE(c.case_status, 0)';
  const ofTarget =
    undoes === null
      ? `WHEN ${status} = ${targetStatus} THEN '${equal}'
         ${isForced ? '' : `WHEN ${status} > ${targetStatus} THEN '${lower}'`}`
      : '';
  return `CASE WHEN c.case_id IS NULL OR NOT c.active <=> 1 THEN '${missing}' ${ofTarget} ELSE '${movedMeanwhile}' END`;
}
