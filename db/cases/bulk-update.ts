import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { mostBatchCases } from './batch-size.ts';
import { moveSelected } from './move.ts';
import { readAll, readExceptions, readMoved, type CaseException, type CaseMoved } from './report.ts';
import { freezeList } from './selection.ts';
import type { Database } from '../connection/pool.ts';
import { DbError } from '../connection/errors.ts';
import { refuseUnreadyCases, tryUpdate } from './ready.ts';
import { timestampColumn } from './status.ts';
import { closeRun, openRun } from '../ledger/runs.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** A list of cases and their new status. */
export interface BulkUpdate {
  /** No two have the same spelling. */
  readonly caseIds: readonly string[];
  readonly target: number;
  readonly isForced: boolean;
}

/** The result for each given ID, by its spelling. An ID that means the same case as an earlier one is in neither map. */
export interface BulkReport {
  readonly runId: string;
  readonly moved: ReadonlyMap<string, CaseMoved>;
  readonly exceptions: ReadonlyMap<string, CaseException>;
}

const job = 'bulk-case-update';
const tries = 5;

/**
 * Moves a list of cases as a separate run in the ledger, which `cases undo` can revert. Up to 1,000 cases are one
 * transaction. Uses one connection at a time. If it is lost, it opens another one and continues with what the ledger lists
 * as not done.
 * @throws DbError CasesNotReady naming what the update needs and the database lacks; nothing is moved then
 */
export async function bulkUpdate(
  database: Database,
  schemas: Schemas,
  update: BulkUpdate,
  signal: AbortSignal,
): Promise<BulkReport> {
  const runId = randomUUID();
  const resumed = <T>(work: (session: Session) => Promise<T>) =>
    resuming(() => database.session(signal, work), signal);
  try {
    await resumed(async (session) => {
      try {
        await begin(session, schemas, { ...update, runId });
      } catch (error) {
        // To read the schema takes as long as to move a case. So it is read only to name everything that is missing.
        const isUnready = error instanceof DbError && error.code.endsWith('NotReady');
        if (isUnready) await refuseUnreadyCases(session, schemas, update.target);
        throw error;
      }
    });
    const input = { runId, firstBatchCases: mostBatchCases, onProgress: () => undefined };
    await resuming(() => moveSelected(database, schemas, input, signal), signal);
  } catch (error) {
    const failureType = error instanceof DbError ? error.code : 'Unexpected';
    await resumed((session) => closeRun(session, { runId, outcome: 'failed', failureType })).catch(
      () => undefined,
    );
    throw error;
  }
  return resumed(async (session) => {
    await closeRun(session, { runId, outcome: 'moved' });
    const moved = byId(await readAll((page) => readMoved(session, runId, page)));
    const exceptions = byId(await readAll((page) => readExceptions(session, runId, page)));
    return { runId, moved, exceptions };
  });
}

async function begin(
  session: Session,
  schemas: Schemas,
  update: BulkUpdate & { readonly runId: string },
): Promise<void> {
  const column = timestampColumn(update.target);
  await tryUpdate(session, schemas, column === undefined ? [] : [column]);
  await openRun(session, { runId: update.runId, workflowId: job, job, isDryRun: false });
  await freezeList(session, schemas, update);
}

function byId<Line extends { readonly caseId: string }>(lines: readonly Line[]): Map<string, Line> {
  return new Map(lines.map((line) => [line.caseId, line]));
}

/** Repeats `work` a few times after a lost connection or a lock. Each try continues after the last one. */
async function resuming<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const isPassing =
        error instanceof DbError && /^(DatabaseBusy|(Database|Secret)Unreachable)$/.test(error.code);
      if (!isPassing || attempt === tries) throw error;
      await sleep(200 * 2 ** attempt, undefined, { signal });
    }
  }
}
