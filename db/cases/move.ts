import { eq } from 'drizzle-orm';
import { exceptionReasons, refusedByServer } from './status.ts';
import { readCaseTable, type CaseTable } from './table.ts';
import { DbError, StatementError } from '../connection/errors.ts';
import { fenceShared, type Lease } from '../ledger/lease.ts';
import { caseRunTable } from '../schema/schema.ts';
import type { Database } from '../connection/pool.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** What became of the lines of a run. */
export interface MoveCounts {
  readonly moved: number;
  readonly exceptions: number;
}

export interface MoveInput {
  readonly runId: string;
  /** Cases of one transaction, at most. */
  readonly casesPerBatch: number;
  /** Absent for the bulk update of a host, whose run nobody else knows. */
  readonly lease?: Lease;
  onProgress(counts: MoveCounts): void;
}

// A person who works on a case holds its lock for milliseconds; whoever holds it longer stops one case and not a batch.
const lockPatienceSeconds = 1;
const triesOfOneCase = 5;

/**
 * Moves what is still `selected` of a run, batch by batch, each one transaction: cases and their lines change together,
 * or neither does. A case that does not stand any more where it was selected is left alone, its line says why. Many cases
 * go in two lanes, each on a connection of its own: the server does most of the work, and it has more than one core.
 * Repeated attempts go on where the last one stopped.
 * @throws DbError FencedOut, CountsDiffer; DatabaseBusy when the ledger itself is locked
 */
export async function moveSelected(
  database: Database,
  schemas: Schemas,
  input: MoveInput,
  signal: AbortSignal,
): Promise<MoveCounts> {
  const { runId } = input;
  const { run, statements, lanes } = await database.session(signal, async (session) => {
    const found = await readRun(session, runId);
    const ends = await laneEnds(session, found, input.casesPerBatch);
    return {
      run: found,
      statements: statementsOf(await readCaseTable(session, schemas), found),
      lanes: ends,
    };
  });
  const counts = { moved: run.movedCount, exceptions: run.exceptionCount };
  const count = (done: MoveCounts) => {
    counts.moved += done.moved;
    counts.exceptions += done.exceptions;
    input.onProgress(counts);
  };
  await sideBySide(lanes, signal, (lane, laneSignal) =>
    database.session(laneSignal, (session) => moveLane(session, { statements, input, lane, count })),
  );
  if (counts.moved + counts.exceptions === run.selectedCount) return counts;
  throw new DbError(
    'CountsDiffer',
    `Run ${runId}: ${run.selectedCount} cases selected, ${counts.moved} moved, ${counts.exceptions} exceptions.`,
  );
}

type CaseRun = typeof caseRunTable.$inferSelect;

async function readRun(session: Session, runId: string): Promise<CaseRun> {
  const [run] = await session.orm((db) =>
    db.select().from(caseRunTable).where(eq(caseRunTable.runId, runId)),
  );
  if (!run) throw new DbError('CountsDiffer', `The ledger has no selection of the run ${runId}.`);
  return run;
}

/** Lines of a run by key: those after `after` up to `until`, to the end where there is none. */
interface Lane {
  readonly after: string;
  readonly until?: string;
}

/** Two halves of what is left, or all of it where that is little. */
async function laneEnds(session: Session, run: CaseRun, casesPerBatch: number): Promise<Lane[]> {
  const left = run.selectedCount - run.movedCount - run.exceptionCount;
  if (left <= 2 * casesPerBatch) return [{ after: '' }];
  const [middle] = await session.query<{ id: string }>(
    `SELECT case_id AS id FROM case_move WHERE run_id = ? AND state = 'selected' ORDER BY case_id LIMIT 1 OFFSET ?`,
    [run.runId, Math.floor(left / 2)],
    'middle of the cases',
  );
  return middle ? [{ after: '', until: middle.id }, { after: middle.id }] : [{ after: '' }];
}

/** Runs every lane to its end; where one fails the others are stopped, and its error is thrown when all have ended. */
async function sideBySide(
  lanes: readonly Lane[],
  signal: AbortSignal,
  work: (lane: Lane, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const others = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    lanes.map((lane) =>
      work(lane, AbortSignal.any([signal, others.signal])).catch((error: unknown) => {
        failure ??= { error };
        others.abort();
      }),
    ),
  );
  if (failure) throw failure.error;
}

interface LaneWork {
  readonly statements: Statements;
  readonly input: MoveInput;
  readonly lane: Lane;
  count(done: MoveCounts): void;
}

async function moveLane(session: Session, work: LaneWork): Promise<void> {
  await session.run(`SET SESSION innodb_lock_wait_timeout = ${lockPatienceSeconds}`);
  try {
    await moveBatches(session, work);
  } finally {
    // Where this fails the connection is broken, and nobody gets it again; what broke it is the news.
    await session.run('SET SESSION innodb_lock_wait_timeout = DEFAULT').catch(() => undefined);
  }
}

async function moveBatches(session: Session, { statements, input, lane, count }: LaneWork): Promise<void> {
  let [size, tries, after] = [input.casesPerBatch, 0, lane.after];
  for (;;) {
    const range = await nextRange(session, input.runId, { ...lane, after }, size);
    if (!range) return;
    const batch = await attemptBatch(session, statements, input, range);
    if ('obstacle' in batch && range.count > 1) {
      size = Math.ceil(range.count / 2);
      continue;
    }
    if ('obstacle' in batch && batch.obstacle instanceof DbError && (tries += 1) < triesOfOneCase) continue;
    count('obstacle' in batch ? await setAside(session, statements, input, range, batch.obstacle) : batch);
    [size, tries, after] = [Math.min(input.casesPerBatch, size * 2), 0, range.last];
  }
}

/** Lines of one batch: those after `after` up to `last`, `count` of them still selected. */
interface Range {
  readonly after: string;
  readonly last: string;
  readonly count: number;
}

async function nextRange(
  session: Session,
  runId: string,
  { after, until }: Lane,
  size: number,
): Promise<Range | undefined> {
  const [next] = await session.query<{ last: string | null; count: number }>(
    `SELECT MAX(case_id) AS last, COUNT(*) AS count FROM (
       SELECT case_id FROM case_move WHERE run_id = ? AND case_id > ? AND state = 'selected'
       ${until === undefined ? '' : 'AND case_id <= ?'} ORDER BY case_id LIMIT ?) AS batch`,
    [runId, after, ...(until === undefined ? [] : [until]), size],
    'next batch of cases',
  );
  return next?.last == null ? undefined : { after, last: next.last, count: next.count };
}

/** `obstacle`: a lock, a deadlock or a refusal by MySQL, of which nothing is left; a smaller batch may find its case. */
type BatchEnd = MoveCounts | { readonly obstacle: DbError | StatementError };

async function attemptBatch(
  session: Session,
  statements: Statements,
  input: MoveInput,
  range: Range,
): Promise<BatchEnd> {
  let obstacle: DbError | StatementError | undefined;
  try {
    return await inBatch(session, input, async () => {
      try {
        return await moveRange(session, statements, input.runId, range);
      } catch (error) {
        if (isOfACase(error)) obstacle = error;
        throw error;
      }
    });
  } catch (error) {
    if (obstacle) return { obstacle };
    throw error;
  }
}

function isOfACase(error: unknown): error is DbError | StatementError {
  return error instanceof StatementError || (error instanceof DbError && error.code === 'DatabaseBusy');
}

/** One transaction: the fence, the work, and the counts of the run. */
function inBatch(
  session: Session,
  { runId, lease }: MoveInput,
  work: () => Promise<MoveCounts>,
): Promise<MoveCounts> {
  return session.transaction(async () => {
    if (lease) await fenceShared(session, lease);
    const done = await work();
    await session.run(
      'UPDATE case_run SET moved_count = moved_count + ?, exception_count = exception_count + ? WHERE run_id = ?',
      [done.moved, done.exceptions, runId],
    );
    return done;
  });
}

async function moveRange(
  session: Session,
  { move, countSelected, lock, refuse }: Statements,
  runId: string,
  { after, last, count }: Range,
): Promise<MoveCounts> {
  const lines = [runId, after, last];
  const moveLines = async () => {
    const { affectedRows } = await session.run(move.sql, [...move.parameters, ...lines], 'moving cases');
    // A line and its case each.
    return affectedRows / 2;
  };
  let moved = await moveLines();
  if (moved === count) return { moved, exceptions: 0 };
  const [rest] = await session.query<{ count: number }>(countSelected, lines, 'counting the rest');
  const left = rest?.count ?? 0;
  if (moved + left !== count) throw countsDiffer(runId, count, moved, left);
  // Somebody was faster with some: from here on their cases stand still, so that the reason is the one of the commit.
  await session.query(lock, lines, 'locking the rest');
  moved += await moveLines();
  const { affectedRows: exceptions } = await session.run(refuse, lines, 'refusing cases');
  if (moved + exceptions !== count) throw countsDiffer(runId, count, moved, exceptions);
  return { moved, exceptions };
}

function countsDiffer(runId: string, count: number, moved: number, other: number): DbError {
  return new DbError(
    'CountsDiffer',
    `Run ${runId}: a batch of ${count} cases came to ${moved} and ${other}.`,
  );
}

/** A case that nothing can move: its line says why, and the run goes on. */
function setAside(
  session: Session,
  { look }: Statements,
  input: MoveInput,
  { after, last }: Range,
  obstacle: DbError | StatementError,
): Promise<MoveCounts> {
  const reason =
    obstacle instanceof StatementError ? refusedByServer(obstacle.errno) : exceptionReasons.locked;
  const line = [input.runId, after, last];
  return inBatch(session, input, async () => {
    const [seen] = await session.query<{ status: number | null }>(look, line, 'looking at a case');
    const { affectedRows: exceptions } = await session.run(
      `UPDATE case_move m SET m.state = 'exception', m.state_at = NOW(), m.from_status = ?, m.reason = ? WHERE ${inRange}`,
      [seen?.status ?? null, reason, ...line],
      'refusing a case',
    );
    return { moved: 0, exceptions };
  });
}

interface Statements {
  readonly move: { readonly sql: string; readonly parameters: readonly unknown[] };
  readonly countSelected: string;
  readonly lock: string;
  readonly refuse: string;
  /** Waits for no lock, which an UPDATE would that reads the case. */
  readonly look: string;
}

const inRange = "m.run_id = ? AND m.case_id > ? AND m.case_id <= ? AND m.state = 'selected'";

function statementsOf(table: CaseTable, run: CaseRun): Statements {
  const { place, joinsLine } = table;
  return {
    move: run.undoes === null ? forward(table, run) : back(table, run, run.undoes),
    countSelected: `SELECT COUNT(*) AS count FROM case_move m WHERE ${inRange}`,
    lock: `SELECT COUNT(*) FROM case_move m STRAIGHT_JOIN ${place} c ON ${joinsLine} WHERE ${inRange} FOR UPDATE`,
    refuse: `UPDATE case_move m LEFT JOIN ${place} c ON ${joinsLine}
      SET m.state = 'exception', m.state_at = NOW(), m.from_status = c.case_status, m.reason = ${reasonOf(run)}
      WHERE ${inRange}`,
    look: `SELECT c.case_status AS status FROM case_move m STRAIGHT_JOIN ${place} c ON ${joinsLine} WHERE ${inRange}`,
  };
}

// The line stands before its case, so that what it keeps of the case is read before the case changes.
function forward({ place, joinsLine }: CaseTable, run: CaseRun): Statements['move'] {
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

function back({ place, joinsLine }: CaseTable, run: CaseRun, undoes: string): Statements['move'] {
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
