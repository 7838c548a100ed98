import { eq, sql } from 'drizzle-orm';
import { timestampColumn } from './status.ts';
import { readCaseTable } from './table.ts';
import { DbError } from '../connection/errors.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import { caseRunTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** What a run is to move, frozen in the ledger. */
export interface Frozen {
  readonly selected: number;
  /** Cases that stand at the source status and are left for the next run of the job. */
  readonly left: number;
}

/** Every active case of one status. */
export interface StatusSelection {
  readonly runId: string;
  readonly source: number;
  readonly target: number;
  readonly isForced: boolean;
  /**
   * Cases that one of `jobs` moved to the source status at or after `since` (ISO, UTC) are left for next week: when
   * both jobs make up for an outage together, no case passes two statuses in one breath.
   */
  readonly leave: { readonly jobs: readonly string[]; readonly since: string };
}

const insertLines = 'INSERT INTO case_move (run_id, case_id, state, from_status, to_status, state_at)';

// Without the hint the optimizer takes the key `active`, which nearly every case matches, and needs eight times as long.
// A hint and not IGNORE INDEX: where the key is missing a hint is only a warning.
const scanCases = '/*+ NO_INDEX(c active) */';

/** Counts what `freezeStatus` would select, and writes nothing. */
export async function countByStatus(
  session: Session,
  schemas: Schemas,
  { source, leave }: StatusSelection,
): Promise<Frozen> {
  const { place, joinsLine } = await readCaseTable(session, schemas);
  const count = async (question: string, parameters: readonly unknown[]) => {
    const [row] = await session.query<{ cases: number }>(question, parameters, 'counting cases');
    return row?.cases ?? 0;
  };
  const standing = await count(`SELECT ${scanCases} COUNT(*) AS cases ${fromStanding(place)}`, [source]);
  const left = await count(
    `SELECT COUNT(*) AS cases FROM (${recentMoves}) AS m STRAIGHT_JOIN ${place} c ON ${joinsLine}
     WHERE c.active = 1 AND c.case_status = ?`,
    [...recentParameters(source, leave), source],
  );
  return { selected: standing - left, left };
}

/**
 * Freezes the active cases that stand at a status now as this run's lines; a repeated attempt finds them frozen. What
 * enters the status later waits for the next run.
 * @throws DbError FencedOut
 */
export function freezeStatus(
  session: Session,
  schemas: Schemas,
  selection: StatusSelection,
  lease: Lease,
): Promise<Frozen> {
  const { runId, source, target, leave } = selection;
  return frozenOnce(session, { ...selection, column: timestampColumn(target) }, lease, async () => {
    const { place } = await readCaseTable(session, schemas);
    // At READ COMMITTED it reads one snapshot and locks no case.
    const { affectedRows: standing } = await session.run(
      `${insertLines}
       SELECT ${scanCases} ?, c.case_id, 'selected', c.case_status, ?, NOW() ${fromStanding(place)} ORDER BY c.case_id`,
      [runId, target, source],
      'selecting cases',
    );
    // After it, and not in the same statement, which would ask for every case: whatever was moved before the snapshot
    // above is seen here, and what is moved later is not among the lines.
    const { affectedRows: left } = await session.run(
      `DELETE m FROM case_move m JOIN (${recentMoves}) AS recent ON recent.case_id = m.case_id WHERE m.run_id = ?`,
      [...recentParameters(source, leave), runId],
      'leaving cases to the next run',
    );
    return { selected: standing - left, left };
  });
}

/** What a bulk update of a host names. */
export interface ListSelection {
  readonly runId: string;
  /** An id that the application's column takes for an earlier one of the list is dropped. */
  readonly caseIds: readonly string[];
  readonly target: number;
  readonly isForced: boolean;
}

/** Freezes a list of ids as this run's lines, whether there are such cases or not. */
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
 * Freezes what an earlier run moved and no undo has brought back.
 * @throws DbError RunNotUndoable when there is no such run, it is an undo itself, or it is still at work
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

/** The timestamp column that a run has set, and this one sets back. */
async function columnToUndo(session: Session, undoes: string): Promise<string | undefined> {
  const [run] = await session.query<{ undoes: string | null; ts: string | null; isAtWork: 0 | 1 }>(
    `SELECT cr.undoes, cr.timestamp_column AS ts, EXISTS (SELECT 1 FROM lease WHERE lease.run_id = cr.run_id AND expires_at > NOW(6)) AS isAtWork
     FROM case_run cr WHERE cr.run_id = ?`,
    [undoes],
  );
  const refuse = (why: string) =>
    new DbError('RunNotUndoable', `The run ${undoes} cannot be undone: ${why}.`);
  if (!run) throw refuse('the ledger has no case update with this id');
  if (run.undoes !== null) throw refuse('it is an undo itself; run the job again instead');
  if (run.isAtWork) throw refuse('it is still at work');
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

/** The selection and the line of its run in one transaction: there are both or none. */
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

const fromStanding = (place: string) => `FROM ${place} c WHERE c.active = 1 AND c.case_status = ?`;

/** What runs that were at work since a moment moved to a status since then; earlier runs' lines are not read. */
const recentMoves = `SELECT DISTINCT m.case_id FROM run r
  JOIN case_run cr ON cr.run_id = r.run_id
  JOIN case_move m ON m.run_id = cr.run_id
  WHERE r.job IN (?) AND cr.target_status = ? AND (r.finished_at IS NULL OR r.finished_at >= ?)
    AND m.state = 'moved' AND m.state_at >= ?`;

function recentParameters(source: number, { jobs, since }: StatusSelection['leave']): unknown[] {
  // The ledger keeps whole seconds, so the second of the moment itself counts.
  const second = since.slice(0, 19).replace('T', ' ');
  return [jobs, source, second, second];
}
