import { eq } from 'drizzle-orm';
import { firstBatchCases, nextBatchCases } from './batch-size.ts';
import { lanesOf, sideBySide, type Lane } from './lanes.ts';
import { exceptionReasons, mysqlErrorReason } from './status.ts';
import { moveStatements, type CaseRun, type MoveStatements } from './move-statements.ts';
import { readCaseTable } from './table.ts';
import { DbError, StatementError } from '../connection/errors.ts';
import { lockWaitSeconds } from '../connection/session-settings.ts';
import { fenceShared, type Lease } from '../ledger/lease.ts';
import { caseRunTable } from '../schema/schema.ts';
import type { Database } from '../connection/pool.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** How many lines of a run were moved, and how many became exceptions. */
export interface MoveCounts {
  readonly moved: number;
  readonly exceptions: number;
}

export interface MoveInput {
  readonly runId: string;
  /** The number of cases in the first transaction, when the caller promises one; later ones adapt to the server. */
  readonly firstBatchCases?: number;
  /** Absent for the bulk update of a host: no other process works on its run. */
  readonly lease?: Lease;
  onProgress(counts: MoveCounts): void;
}

// A person's edit locks a case for milliseconds. A longer lock must stop only that case, not its whole batch.
const lockPatienceSeconds = 1;
const triesOfOneCase = 5;

/**
 * Moves the lines of a run that are still `selected`, in batches. Each batch is one transaction, so that cases and their
 * lines change together. Its size follows the time for which the last one locked its cases (batch-size.ts). A case whose status has changed since the selection stays as it is, and its line says why.
 * A job moves many cases in two lanes, each on its own connection, because the server does most of the work on several
 * cores. A host's list has one lane, because it shares the server with the host's users.
 * A repeated attempt continues where the last one stopped.
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
    const split = input.lease ? await lanesOf(session, found) : [{ after: '' }];
    return {
      run: found,
      statements: moveStatements(await readCaseTable(session, schemas), found),
      lanes: split,
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
    `Run ${runId} selected ${run.selectedCount} cases, but counted ${counts.moved} moved and ${counts.exceptions} exceptions.`,
  );
}

async function readRun(session: Session, runId: string): Promise<CaseRun> {
  const [run] = await session.orm((db) =>
    db.select().from(caseRunTable).where(eq(caseRunTable.runId, runId)),
  );
  if (!run) throw new DbError('CountsDiffer', `The ledger has no selected cases for the run ${runId}.`);
  return run;
}

interface LaneWork {
  readonly statements: MoveStatements;
  readonly input: MoveInput;
  readonly lane: Lane;
  count(done: MoveCounts): void;
}

async function moveLane(session: Session, work: LaneWork): Promise<void> {
  await session.run(`SET SESSION innodb_lock_wait_timeout = ${lockPatienceSeconds}`);
  try {
    await moveBatches(session, work);
  } finally {
    // If this fails, the connection is broken and will not be reused. The earlier error is the one to report.
    await session
      .run(`SET SESSION innodb_lock_wait_timeout = ${lockWaitSeconds.ofRow}`)
      .catch(() => undefined);
  }
}

async function moveBatches(session: Session, { statements, input, lane, count }: LaneWork): Promise<void> {
  let [size, tries, after] = [input.firstBatchCases ?? firstBatchCases, 0, lane.after];
  for (;;) {
    const range = await nextRange(session, input.runId, { ...lane, after }, size);
    if (!range) return;
    const batch = await attemptBatch(session, statements, input, range);
    if ('obstacle' in batch && range.count > 1) {
      size = Math.ceil(range.count / 2);
      continue;
    }
    if ('obstacle' in batch && batch.obstacle instanceof DbError && (tries += 1) < triesOfOneCase) continue;
    count(
      'obstacle' in batch ? await markException(session, statements, input, range, batch.obstacle) : batch,
    );
    const heldMs = 'obstacle' in batch ? 0 : batch.heldMs;
    [size, tries, after] = [nextBatchCases({ cases: range.count, heldMs }), 0, range.last];
  }
}

/** The lines of one batch: after `after`, up to and including `last`; `count` of them are still selected. */
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
    'finding the next batch of cases',
  );
  return next?.last == null ? undefined : { after, last: next.last, count: next.count };
}

/** `obstacle`: a lock, a deadlock or a MySQL error rolled the batch back. Smaller batches isolate the case that causes it. */
type BatchEnd =
  | (MoveCounts & { /** For how long the batch locked its cases. */ readonly heldMs: number })
  | { readonly obstacle: DbError | StatementError };

async function attemptBatch(
  session: Session,
  statements: MoveStatements,
  input: MoveInput,
  range: Range,
): Promise<BatchEnd> {
  let obstacle: DbError | StatementError | undefined;
  let lockedAtMs = 0;
  try {
    const done = await inBatch(session, input, async () => {
      lockedAtMs = performance.now();
      try {
        return await moveRange(session, statements, input.runId, range);
      } catch (error) {
        if (isFromACase(error)) obstacle = error;
        throw error;
      }
    });
    return { ...done, heldMs: performance.now() - lockedAtMs };
  } catch (error) {
    if (obstacle) return { obstacle };
    throw error;
  }
}

/** A lock on the whole table is not the fault of a case: the run waits until it is gone. */
function isFromACase(error: unknown): error is DbError | StatementError {
  if (error instanceof StatementError) return true;
  return error instanceof DbError && error.code === 'DatabaseBusy' && !error.isTableLock;
}

/** Runs `work` in one transaction with the fence, and adds its result to the counts of the run. */
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
  { move, countSelected, lock, markRest }: MoveStatements,
  runId: string,
  { after, last, count }: Range,
): Promise<MoveCounts> {
  const lines = [runId, after, last];
  const moveLines = async () => {
    const { affectedRows } = await session.run(move.sql, [...move.parameters, ...lines], 'moving cases');
    // Each move changes two rows: the line and its case.
    return affectedRows / 2;
  };
  let moved = await moveLines();
  if (moved === count) return { moved, exceptions: 0 };
  const [rest] = await session.query<{ count: number }>(countSelected, lines, 'counting the remaining cases');
  const left = rest?.count ?? 0;
  if (moved + left !== count) throw countsDiffer(runId, count, moved, left);
  // Someone changed some of the cases first. With the locks they cannot change until the commit, so the reasons stay true.
  await session.query(lock, lines, 'locking the remaining cases');
  moved += await moveLines();
  const { affectedRows: exceptions } = await session.run(markRest, lines, 'recording exceptions');
  if (moved + exceptions !== count) throw countsDiffer(runId, count, moved, exceptions);
  return { moved, exceptions };
}

function countsDiffer(runId: string, count: number, moved: number, other: number): DbError {
  return new DbError(
    'CountsDiffer',
    `Run ${runId}: a batch of ${count} cases ended with ${moved} moved and ${other} not moved.`,
  );
}

/** Marks a case that cannot be moved as an exception with its reason, so that the run can continue. */
function markException(
  session: Session,
  statements: MoveStatements,
  input: MoveInput,
  { after, last }: Range,
  obstacle: DbError | StatementError,
): Promise<MoveCounts> {
  const reason =
    obstacle instanceof StatementError ? mysqlErrorReason(obstacle.errno) : exceptionReasons.locked;
  const line = [input.runId, after, last];
  return inBatch(session, input, async () => {
    const [seen] = await session.query<{ status: number | null }>(
      statements.look,
      line,
      'reading the status of a case',
    );
    const { affectedRows: exceptions } = await session.run(
      statements.markOne,
      [seen?.status ?? null, reason, ...line],
      'recording an exception',
    );
    return { moved: 0, exceptions };
  });
}
