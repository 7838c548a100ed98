import { eq, sql } from 'drizzle-orm';
import { timestampColumn } from './status.ts';
import { readCaseTable } from './table.ts';
import { DbError } from '../connection/errors.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import { caseRunTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** The number of cases that a run will move, frozen in the ledger. */
export interface Frozen {
  readonly selected: number;
  /** Cases with the source status that are left for the next run of the job. */
  readonly left: number;
}

/** Selects every active case with one status. */
export interface StatusSelection {
  readonly runId: string;
  readonly source: number;
  readonly target: number;
  readonly isForced: boolean;
  /**
   * Leaves cases for next week that one of `jobs` moved to the source status at or after `since` (ISO, UTC). So when both
   * jobs catch up together after an outage, no case moves through two statuses at once.
   */
  readonly leave: { readonly jobs: readonly string[]; readonly since: string };
}

const insertLines = 'INSERT INTO case_move (run_id, case_id, state, from_status, to_status, state_at)';

// Without the hint the optimizer uses the key `active`, which nearly every case matches, and takes eight times as long.
// A hint, not IGNORE INDEX: if the key does not exist, a hint gives only a warning.
const scanCases = '/*+ NO_INDEX(c active) */';

/**
 * Freezes the active cases that have a status now as the lines of this run. A repeated attempt finds them frozen. Cases
 * that get the status later wait for the next run. A dry run has no lease: its lines say what it would have moved, and stay
 * as they are.
 * @throws DbError FencedOut
 */
export function freezeStatus(
  session: Session,
  schemas: Schemas,
  selection: StatusSelection,
  lease: Lease | undefined,
): Promise<Frozen> {
  const { runId, source, target, leave } = selection;
  return frozenOnce(session, { ...selection, column: timestampColumn(target) }, lease, async () => {
    const { place } = await readCaseTable(session, schemas);
    // At READ COMMITTED it reads a snapshot and locks no case.
    const { affectedRows: found } = await session.run(
      `${insertLines}
       SELECT ${scanCases} ?, c.case_id, 'selected', c.case_status, ?, NOW() ${fromCases(place)} ORDER BY c.case_id`,
      [runId, target, source],
      'selecting cases',
    );
    // A separate statement, because one statement would check every case. It runs second: it sees every move from before
    // the snapshot above, and cases moved later are not in the lines.
    const { affectedRows: left } = await session.run(
      `DELETE m FROM case_move m JOIN (${recentMoves}) AS recent ON recent.case_id = m.case_id WHERE m.run_id = ?`,
      [...recentParameters(source, leave), runId],
      'leaving cases to the next run',
    );
    return { selected: found - left, left };
  });
}

/** Selects the cases that a host lists in a bulk update. */
export interface ListSelection {
  readonly runId: string;
  /** IDs that the application's column treats as equal to an earlier one are dropped. */
  readonly caseIds: readonly string[];
  readonly target: number;
  readonly isForced: boolean;
}

/** Freezes a list of IDs as the lines of this run, whether the cases exist or not. */
export function freezeList(session: Session, schemas: Schemas, selection: ListSelection): Promise<Frozen> {
  const { runId, caseIds, target } = selection;
  return frozenOnce(session, { ...selection, column: timestampColumn(target) }, undefined, async () => {
    const { asColumn } = await readCaseTable(session, schemas);
    const { affectedRows } = await session.run(
      `${insertLines}
       SELECT ?, listed.id, 'selected', NULL, ?, NOW() FROM (
         SELECT id, ROW_NUMBER() OVER (PARTITION BY ${asColumn('id')} ORDER BY place) AS nth
         FROM JSON_TABLE(?, '$[*]' COLUMNS (place FOR ORDINALITY, id VARCHAR(255) PATH '$')) AS given
       ) AS listed WHERE listed.nth = 1`,
      [runId, target, JSON.stringify(caseIds)],
      'listing cases',
    );
    return { selected: affectedRows, left: 0 };
  });
}

/**
 * Freezes the cases that an earlier run moved and no undo has reverted.
 * @throws DbError RunNotUndoable when the run does not exist, is an undo itself, or is still running
 */
export async function freezeUndo(
  session: Session,
  { runId, undoes }: { readonly runId: string; readonly undoes: string },
  lease: Lease,
): Promise<Frozen> {
  const column = await columnToUndo(session, undoes);
  return frozenOnce(session, { runId, undoes, isForced: true, column }, lease, async () => {
    const { affectedRows } = await session.run(
      `${insertLines}
       SELECT ?, m.case_id, 'selected', m.to_status, m.from_status, NOW() FROM case_move m
       WHERE m.run_id = ? AND m.state = 'moved' AND NOT EXISTS (
         SELECT 1 FROM case_run u JOIN case_move done ON done.run_id = u.run_id AND done.case_id = m.case_id
         WHERE u.undoes = ? AND done.state = 'moved')
       ORDER BY m.case_id`,
      [runId, undoes, undoes],
      'selecting cases to undo',
    );
    return { selected: affectedRows, left: 0 };
  });
}

/**
 * The timestamp column that the earlier run set and its undo restores.
 * @throws DbError RunNotUndoable
 */
export async function columnToUndo(session: Session, undoes: string): Promise<string | undefined> {
  const [run] = await session.query<{
    undoes: string | null;
    ts: string | null;
    isDryRun: 0 | 1;
    isRunning: 0 | 1;
  }>(
    `SELECT cr.undoes, cr.timestamp_column AS ts, r.is_dry_run AS isDryRun, EXISTS (SELECT 1 FROM lease WHERE lease.run_id = cr.run_id AND expires_at > NOW(6)) AS isRunning
     FROM case_run cr LEFT JOIN run r ON r.run_id = cr.run_id WHERE cr.run_id = ?`,
    [undoes],
  );
  const refuse = (why: string) =>
    new DbError('RunNotUndoable', `The run ${undoes} cannot be undone: ${why}.`);
  if (!run) throw refuse('the ledger has no case update with this ID');
  if (run.undoes !== null) throw refuse('it is itself an undo; run the job again instead');
  if (run.isDryRun) throw refuse('it was a dry run and moved nothing');
  if (run.isRunning) throw refuse('it is still running');
  return run.ts ?? undefined;
}

interface RunLine {
  readonly runId: string;
  readonly source?: number;
  readonly target?: number;
  readonly column: string | undefined;
  readonly isForced: boolean;
  readonly undoes?: string;
}

/** Writes the selection and the line of its run in one transaction, so that both exist or neither. */
function frozenOnce(
  session: Session,
  { runId, source, target, column, isForced, undoes }: RunLine,
  lease: Lease | undefined,
  freeze: () => Promise<Frozen>,
): Promise<Frozen> {
  return session.transaction(async () => {
    if (lease) await fence(session, lease);
    const [known] = await session.orm((db) =>
      db
        .select({ selected: caseRunTable.selectedCount, left: caseRunTable.leftCount })
        .from(caseRunTable)
        .where(eq(caseRunTable.runId, runId)),
    );
    if (known) return known;
    const frozen = await freeze();
    await session.orm((db) =>
      db.insert(caseRunTable).values({
        runId,
        sourceStatus: source ?? null,
        targetStatus: target ?? null,
        isForced,
        undoes: undoes ?? null,
        timestampColumn: column ?? null,
        selectedAt: sql`NOW(6)`,
        selectedCount: frozen.selected,
        leftCount: frozen.left,
        movedCount: 0,
        exceptionCount: 0,
      }),
    );
    return frozen;
  });
}

const fromCases = (place: string) => `FROM ${place} c WHERE c.active = 1 AND c.case_status = ?`;

/** The cases that were moved to a status since a moment. Reads only runs that were running since then. */
const recentMoves = `SELECT DISTINCT m.case_id FROM run r
  JOIN case_run cr ON cr.run_id = r.run_id
  JOIN case_move m ON m.run_id = cr.run_id
  WHERE r.job IN (?) AND cr.target_status = ? AND (r.finished_at IS NULL OR r.finished_at >= ?)
    AND m.state = 'moved' AND m.state_at >= ?`;

function recentParameters(source: number, { jobs, since }: StatusSelection['leave']): unknown[] {
  // The ledger stores whole seconds, so the second of the moment itself counts.
  const second = since.slice(0, 19).replace('T', ' ');
  return [jobs, source, second, second];
}
