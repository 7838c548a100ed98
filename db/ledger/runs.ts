import { and, desc, eq, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
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

/** How a run ends that did its work, or had none to do. */
export const goodOutcomes = ['published', 'moved', 'nothing due'] as const;

/** How many runs of a job have published something and succeeded. Dry runs do not count. */
export async function publishedRunCount(session: Session, job: string): Promise<number> {
  return session.orm((db) =>
    db.$count(
      runTable,
      and(eq(runTable.job, job), eq(runTable.isDryRun, false), eq(runTable.outcome, 'published')),
    ),
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

/** A finished run; times are UTC. */
export interface FinishedRun {
  readonly job: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly outcome: string;
  readonly failureType: string | null;
  readonly failureMessage: string | null;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Waits included. */
  readonly seconds: number;
}

const shownRuns = 20;

/** The last finished runs of each job, without dry runs, newest first. */
export async function finishedRuns(session: Session): Promise<FinishedRun[]> {
  // A decimal of the server arrives as text.
  const found = await session.query<Omit<FinishedRun, 'seconds'> & { readonly seconds: string }>(
    `SELECT job, workflow_id AS workflowId, run_id AS runId, outcome, failure_type AS failureType, failure_message AS failureMessage,
            started_at AS startedAt, finished_at AS finishedAt,
            TIMESTAMPDIFF(MICROSECOND, started_at, finished_at) / 1000000 AS seconds
     FROM (SELECT r.*, ROW_NUMBER() OVER (PARTITION BY job ORDER BY finished_at DESC) AS place
           FROM run r WHERE finished_at IS NOT NULL AND is_dry_run = FALSE) ranked
     WHERE place <= ${shownRuns} ORDER BY finished_at DESC`,
  );
  return found.map((run) => ({ ...run, seconds: Number(run.seconds) }));
}

/** The newest completed dry run of a job; counts and statuses are null for a run of the registry. Times are UTC. */
export interface DryRun {
  readonly job: string;
  readonly runId: string;
  readonly finishedAt: string;
  /** Cases that it would have moved. */
  readonly found: number | null;
  readonly source: number | null;
  readonly target: number | null;
}

/** The newest completed dry run of each job. */
export function lastDryRuns(session: Session): Promise<DryRun[]> {
  return session.query<DryRun>(
    `SELECT job, r.run_id AS runId, finished_at AS finishedAt, selected_count AS found, source_status AS source,
            target_status AS target
     FROM (SELECT run.*, ROW_NUMBER() OVER (PARTITION BY job ORDER BY finished_at DESC) AS place
           FROM run WHERE is_dry_run = TRUE AND outcome = 'dry run') r
     LEFT JOIN case_run cr ON cr.run_id = r.run_id WHERE place = 1`,
  );
}

/** A run of the ledger; `finishedAt` and `outcome` are null while it is open. Times are UTC. */
export type RecordedRun = typeof runTable.$inferSelect;

/** The latest runs of a job or of all jobs, newest first. */
export function readRuns(
  session: Session,
  { job, limit }: { readonly job: string | undefined; readonly limit: number },
): Promise<RecordedRun[]> {
  return session.orm((db) =>
    db
      .select()
      .from(runTable)
      .where(job === undefined ? undefined : eq(runTable.job, job))
      .orderBy(desc(runTable.startedAt))
      .limit(limit),
  );
}

/** The run with this id, if the ledger has one. */
export async function readRun(session: Session, runId: string): Promise<RecordedRun | undefined> {
  const [run] = await session.orm((db) => db.select().from(runTable).where(eq(runTable.runId, runId)));
  return run;
}

const longestMessage = 2000;

/** How a run ended. */
export interface RunClosed {
  readonly runId: string;
  readonly outcome: string;
  readonly failureType?: string;
  /** Without values of rows. */
  readonly failureMessage?: string | undefined;
}

/** Records the end of a run. The first outcome stays. */
export async function closeRun(
  session: Session,
  { runId, outcome, failureType, failureMessage }: RunClosed,
): Promise<void> {
  const message = failureMessage && Array.from(failureMessage).slice(0, longestMessage).join('');
  await session.orm((db) =>
    db
      .update(runTable)
      .set({
        finishedAt: sql`NOW(6)`,
        outcome,
        failureType: failureType ?? null,
        failureMessage: message ?? null,
      })
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
           WHERE is_dry_run = FALSE AND outcome IN (?)) ranked
     WHERE place <= ${usualRuns} GROUP BY job`,
    [goodOutcomes],
  );
  return new Map(found.map(({ job, seconds }) => [job, seconds]));
}
