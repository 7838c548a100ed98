import { and, asc, count, desc, eq, gt, isNotNull } from 'drizzle-orm';
import { caseMoveTable, caseRunTable, runTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** A case that a run could not move; `status` is its status at that time. */
export interface CaseException {
  readonly caseId: string;
  readonly reason: string;
  readonly status: number | null;
  readonly attemptedStatus: number | null;
}

const { runId, caseId, state, reason, fromStatus, toStatus } = caseMoveTable;

/** Exceptions of a run in the order of their IDs, after `afterId`, at most `limit`. */
export async function readExceptions(
  session: Session,
  run: string,
  { afterId = '', limit }: { readonly afterId?: string; readonly limit: number },
): Promise<CaseException[]> {
  const found = await session.orm((db) =>
    db
      .select({ caseId, reason, status: fromStatus, attemptedStatus: toStatus })
      .from(caseMoveTable)
      .where(and(eq(runId, run), eq(state, 'exception'), gt(caseId, afterId)))
      .orderBy(asc(caseId))
      .limit(limit),
  );
  return found.map((line) => ({ ...line, reason: line.reason ?? '' }));
}

/** Number of exceptions of a run, by reason. */
export async function countExceptions(session: Session, run: string): Promise<Record<string, number>> {
  const found = await session.orm((db) =>
    db
      .select({ reason, cases: count() })
      .from(caseMoveTable)
      .where(and(eq(runId, run), eq(state, 'exception'), isNotNull(reason)))
      .groupBy(reason),
  );
  return Object.fromEntries(found.map((line) => [line.reason ?? '', line.cases]));
}

/** A run that moved cases, or counted them as a dry run. A list has no `sourceStatus`; an undo has neither status. */
export type CaseRunLine = Pick<
  typeof runTable.$inferSelect & typeof caseRunTable.$inferSelect,
  | 'runId'
  | 'job'
  | 'startedAt'
  | 'finishedAt'
  | 'outcome'
  | 'sourceStatus'
  | 'targetStatus'
  | 'undoes'
  | 'selectedCount'
  | 'leftCount'
  | 'movedCount'
  | 'exceptionCount'
>;

const runLine = {
  runId: runTable.runId,
  job: runTable.job,
  startedAt: runTable.startedAt,
  finishedAt: runTable.finishedAt,
  outcome: runTable.outcome,
  sourceStatus: caseRunTable.sourceStatus,
  targetStatus: caseRunTable.targetStatus,
  undoes: caseRunTable.undoes,
  selectedCount: caseRunTable.selectedCount,
  leftCount: caseRunTable.leftCount,
  movedCount: caseRunTable.movedCount,
  exceptionCount: caseRunTable.exceptionCount,
} as const;

/** The latest runs that moved cases, without dry runs, newest first. */
export function readCaseRuns(session: Session, limit: number): Promise<CaseRunLine[]> {
  return session.orm((db) =>
    db
      .select(runLine)
      .from(runTable)
      .innerJoin(caseRunTable, eq(caseRunTable.runId, runTable.runId))
      .where(eq(runTable.isDryRun, false))
      .orderBy(desc(runTable.startedAt))
      .limit(limit),
  );
}

/** The case run with this ID, if the ledger has one. */
export async function readCaseRun(session: Session, run: string): Promise<CaseRunLine | undefined> {
  const [line] = await session.orm((db) =>
    db
      .select(runLine)
      .from(runTable)
      .innerJoin(caseRunTable, eq(caseRunTable.runId, runTable.runId))
      .where(eq(runTable.runId, run)),
  );
  return line;
}

/** What one run did to one case. */
export type CaseStep = Pick<
  typeof caseMoveTable.$inferSelect,
  'runId' | 'state' | 'fromStatus' | 'toStatus' | 'previousTs' | 'stateAt' | 'reason'
> & { readonly job: string };

/** Every run that selected this case to move it, oldest first. Needs one lookup by key per run. */
export function readCaseHistory(session: Session, id: string): Promise<CaseStep[]> {
  return session.orm((db) =>
    db
      .select({
        runId: runTable.runId,
        job: runTable.job,
        state,
        fromStatus,
        toStatus,
        previousTs: caseMoveTable.previousTs,
        stateAt: caseMoveTable.stateAt,
        reason,
      })
      .from(runTable)
      .innerJoin(caseRunTable, eq(caseRunTable.runId, runTable.runId))
      .innerJoin(caseMoveTable, and(eq(runId, caseRunTable.runId), eq(caseId, id)))
      .where(eq(runTable.isDryRun, false))
      .orderBy(asc(runTable.startedAt)),
  );
}

const pageSize = 10_000;

/** Reads every line of a run, page by page, with `readExceptions` or `readMoved`. */
export async function readAll<Line extends { readonly caseId: string }>(
  read: (page: { readonly afterId: string; readonly limit: number }) => Promise<Line[]>,
): Promise<Line[]> {
  const lines: Line[] = [];
  for (;;) {
    const page = await read({ afterId: lines.at(-1)?.caseId ?? '', limit: pageSize });
    for (const line of page) lines.push(line);
    if (page.length < pageSize) return lines;
  }
}

/** A case that a run moved, for the caller of a bulk update. */
export interface CaseMoved {
  readonly caseId: string;
  readonly fromStatus: number | null;
}

/** Cases that a run moved, in the order of their IDs, after `afterId`, at most `limit`. */
export async function readMoved(
  session: Session,
  run: string,
  { afterId, limit }: { readonly afterId: string; readonly limit: number },
): Promise<CaseMoved[]> {
  return session.orm((db) =>
    db
      .select({ caseId, fromStatus })
      .from(caseMoveTable)
      .where(and(eq(runId, run), eq(state, 'moved'), gt(caseId, afterId)))
      .orderBy(asc(caseId))
      .limit(limit),
  );
}

/** IDs of the active cases with a status, in the order of the application's column. */
export async function readCasesWithStatus(
  session: Session,
  { application }: Schemas,
  status: number,
): Promise<string[]> {
  const found = await session.query<{ id: string }>(
    `SELECT /*+ NO_INDEX(c active) */ c.case_id AS id FROM ${application}.cases c
     WHERE c.active = 1 AND c.case_status = ? ORDER BY c.case_id`,
    [status],
    'reading cases with a status',
  );
  return found.map(({ id }) => id);
}
