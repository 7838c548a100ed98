import { and, asc, eq, inArray, or, sql } from 'drizzle-orm';
import { caseRunTable, decisionTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';

/** A decision of a person as it is recorded. Without `at` (ISO, UTC) it was made now. */
export interface DecisionMade {
  readonly runId?: string;
  readonly job?: string;
  readonly what: string;
  readonly by: string;
  readonly reason?: string;
  readonly at?: string;
}

/** Records a decision. A repeated attempt with the same `at` changes nothing. */
export async function recordDecision(
  session: Session,
  { runId, job, what, by, reason, at }: DecisionMade,
): Promise<void> {
  const decidedAt = at === undefined ? sql`NOW(6)` : new Date(at).toISOString().replace(/[TZ]/g, ' ').trim();
  await session.orm((db) =>
    db
      .insert(decisionTable)
      .ignore()
      .values({ runId: runId ?? null, job: job ?? null, what, by, reason: reason ?? null, decidedAt }),
  );
}

/** A recorded decision; `at` is UTC. */
export interface RecordedDecision {
  readonly what: string;
  readonly by: string;
  readonly reason: string | null;
  readonly at: string;
  /** The run that recorded it. */
  readonly runId: string | null;
}

/** The decisions about a run, oldest first: those of the run itself, and every undo of it. */
export function decisionsAbout(session: Session, runId: string): Promise<RecordedDecision[]> {
  const { what, by, reason, decidedAt: at } = decisionTable;
  return session.orm((db) => {
    const undos = db
      .select({ runId: caseRunTable.runId })
      .from(caseRunTable)
      .where(eq(caseRunTable.undoes, runId));
    return db
      .select({ what, by, reason, at, runId: decisionTable.runId })
      .from(decisionTable)
      .where(or(eq(decisionTable.runId, runId), and(eq(what, 'undo'), inArray(decisionTable.runId, undos))))
      .orderBy(asc(at));
  });
}
