import { and, eq, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
import { runTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';

/** A run of the ledger when it starts. */
export interface RunStart {
  readonly runId: string;
  readonly workflowId: string;
  readonly job: string;
  readonly isDryRun: boolean;
}

/** Records the start of a run. A retried attempt changes nothing. */
export async function openRun(session: Session, run: RunStart): Promise<void> {
  await session.orm((db) =>
    db
      .insert(runTable)
      .ignore()
      .values({ ...run, startedAt: sql`NOW(6)` }),
  );
}

/** The runs of a job that have no end in the ledger. */
export function openRuns(
  session: Session,
  job: string,
): Promise<{ readonly runId: string; readonly workflowId: string }[]> {
  return session.orm((db) =>
    db
      .select({ runId: runTable.runId, workflowId: runTable.workflowId })
      .from(runTable)
      .where(and(eq(runTable.job, job), isNull(runTable.finishedAt))),
  );
}

/** A run of this job that has succeeded; undefined when there is none. */
export async function goodRun(
  session: Session,
  job: string,
): Promise<{ readonly workflowId: string; readonly runId: string } | undefined> {
  const [run] = await session.orm((db) =>
    db
      .select({ workflowId: runTable.workflowId, runId: runTable.runId })
      .from(runTable)
      .where(
        and(
          eq(runTable.job, job),
          eq(runTable.isDryRun, false),
          isNotNull(runTable.finishedAt),
          isNull(runTable.failureType),
        ),
      )
      .limit(1),
  );
  return run;
}

/** The run of a job that ended last; times are UTC. */
export interface LastRun {
  readonly job: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly outcome: string;
  readonly failureType: string | null;
  readonly finishedAt: string;
}

/** The last finished run of each job, without dry runs. */
export function lastRuns(session: Session): Promise<LastRun[]> {
  return session.query<LastRun>(
    `SELECT job, workflow_id AS workflowId, run_id AS runId, outcome, failure_type AS failureType, finished_at AS finishedAt
     FROM (SELECT r.*, ROW_NUMBER() OVER (PARTITION BY job ORDER BY finished_at DESC) AS place
           FROM run r WHERE finished_at IS NOT NULL AND is_dry_run = FALSE) ranked WHERE place = 1`,
  );
}

/** Records the end of a run. The first outcome stays. */
export async function closeRun(
  session: Session,
  {
    runId,
    outcome,
    failureType,
  }: { readonly runId: string; readonly outcome: string; readonly failureType?: string },
): Promise<void> {
  await session.orm((db) =>
    db
      .update(runTable)
      .set({ finishedAt: sql`NOW(6)`, outcome, failureType: failureType ?? null })
      .where(and(eq(runTable.runId, runId), isNull(runTable.finishedAt))),
  );
}

/** Those of `runIds` whose end is in the ledger. */
export async function recordedEnds(session: Session, runIds: readonly string[]): Promise<Set<string>> {
  if (runIds.length === 0) return new Set();
  const found = await session.orm((db) =>
    db
      .select({ runId: runTable.runId })
      .from(runTable)
      .where(and(inArray(runTable.runId, [...runIds]), isNotNull(runTable.finishedAt))),
  );
  return new Set(found.map(({ runId }) => runId));
}

const usualRuns = 10;

/** The seconds of the longest of the last good runs of each job. */
export async function longestRuns(session: Session): Promise<Map<string, number>> {
  const found = await session.query<{ job: string; seconds: number }>(
    `SELECT job, MAX(TIMESTAMPDIFF(SECOND, started_at, finished_at)) AS seconds
     FROM (SELECT r.*, ROW_NUMBER() OVER (PARTITION BY job ORDER BY finished_at DESC) AS place FROM run r
           WHERE is_dry_run = FALSE AND outcome IN ('published', 'moved', 'nothing due')) ranked
     WHERE place <= ${usualRuns} GROUP BY job`,
  );
  return new Map(found.map(({ job, seconds }) => [job, seconds]));
}
