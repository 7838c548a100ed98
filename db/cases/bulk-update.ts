import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { moveSelected } from './move.ts';
import { readAll, readExceptions, readMoved, type CaseException, type CaseMoved } from './report.ts';
import { freezeList } from './selection.ts';
import type { Database } from '../connection/pool.ts';
import { DbError } from '../connection/errors.ts';
import { refuseUnreadyCases } from './ready.ts';
import { closeRun, openRun } from '../ledger/runs.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** A list of cases and where they are to go. */
export interface BulkUpdate {
  /** Without duplicates of the same spelling. */
  readonly caseIds: readonly string[];
  readonly target: number;
  readonly isForced: boolean;
}

/** What became of each id that was given, by its spelling; an id that means an earlier one's case is in neither. */
export interface BulkReport {
  readonly runId: string;
  readonly moved: ReadonlyMap<string, CaseMoved>;
  readonly exceptions: ReadonlyMap<string, CaseException>;
}

const casesPerTransaction = 1000;
const tries = 5;

/**
 * Moves a list of cases as a run of its own in the ledger, which `cases undo` takes back. Up to 1,000 are one
 * transaction. A connection that is lost is opened again, and the ledger tells what was done before.
 * @throws DbError CasesNotReady naming what the update needs and the database lacks; nothing was moved then
 */
export async function bulkUpdate(
  database: Database,
  schemas: Schemas,
  { caseIds, target, isForced }: BulkUpdate,
  signal: AbortSignal,
): Promise<BulkReport> {
  const runId = randomUUID();
  const job = 'bulk-case-update';
  const resumed = <T>(work: (session: Session) => Promise<T>) =>
    resuming(() => database.session(signal, work), signal);
  await resumed(async (session) => {
    await refuseUnreadyCases(session, schemas, target);
    await openRun(session, { runId, workflowId: job, job, isDryRun: false });
  });
  try {
    await resumed((session) => freezeList(session, schemas, { runId, caseIds, target, isForced }));
    const input = { runId, casesPerBatch: casesPerTransaction, onProgress: () => undefined };
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

function byId<Line extends { readonly caseId: string }>(lines: readonly Line[]): Map<string, Line> {
  return new Map(lines.map((line) => [line.caseId, line]));
}

/** What a lost connection or a lock stopped is begun again, a few times; each step finds what the last try did. */
async function resuming<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const isPassing = error instanceof DbError && /^Database(Unreachable|Busy)$/.test(error.code);
      if (!isPassing || attempt === tries) throw error;
      await sleep(200 * 2 ** attempt, undefined, { signal });
    }
  }
}
