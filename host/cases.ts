import { z } from 'zod';
import { bulkUpdate, type BulkReport } from '../db/cases/bulk-update.ts';
import { readCasesWithStatus } from '../db/cases/report.ts';
import { timestampColumn } from '../db/cases/status.ts';
import type { Log } from '../telemetry/log.ts';
import { recordCaseUpdate, type Metrics } from '../telemetry/metrics.ts';
import { schemasOf } from '../worker/database.ts';
import { withHostDatabase } from './database.ts';
import { hostSetup } from './setup.ts';

/** The input is not valid; nothing was read or written. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** The cases to move, and their new status. */
export interface BulkUpdateInput {
  /** Ids of cases; repeated ids are ignored. */
  readonly caseIds: readonly string[];
  readonly newStatus: number;
  /** Allows a status lower than the current one of a case. */
  readonly force?: boolean;
}

/** Settings of a bulk update. */
export interface BulkUpdateOptions {
  /** Records the counts and the duration; when absent, nothing is recorded. */
  readonly recorder?: Metrics;
  /** Receives the lines of this update; when absent, they go to stderr. */
  readonly log?: Log;
  /** Cancels the update; cases that have already moved stay moved. */
  readonly signal?: AbortSignal;
}

/** The fields of the existing application's result, plus `run_id`, which `surgicase cases undo` accepts. */
export interface BulkUpdateResult {
  readonly run_id: string;
  readonly updated_cases: readonly UpdatedCase[];
  readonly exceptions: readonly CaseExceptionLine[];
  readonly total_processed: number;
  readonly total_updated: number;
  readonly total_exceptions: number;
}

/** A case that moved. */
export interface UpdatedCase {
  readonly case_id: string;
  readonly previous_status: number;
  readonly new_status: number;
  readonly forced: boolean;
  /** Null when the new status has no timestamp column. */
  readonly timestamp_updated: { readonly field: string; readonly transition: string } | null;
}

/** A case that did not move, with the reason. */
export interface CaseExceptionLine {
  readonly case_id: string;
  readonly reason: string;
  readonly current_status: number | null;
  readonly attempted_status: number;
}

const mostStatus = 32_767;
const status = z.int().min(0).max(mostStatus);
const statusAccepted = `a whole number from 0 to ${mostStatus}`;
// 255 is the width of the ledger's column.
const ids = z.array(z.string().min(1).max(255)).min(1);

/** Returns the ids of the active cases with a status, in order. Writes nothing. */
export async function getCasesWithStatus(wanted: number): Promise<string[]> {
  if (!status.safeParse(wanted).success) throw new InputError(`status must be ${statusAccepted}.`);
  const { signal } = new AbortController();
  const setup = hostSetup({});
  return withHostDatabase(setup, (database) =>
    database.session(signal, (session) => readCasesWithStatus(session, schemasOf(setup), wanted)),
  );
}

/**
 * Moves a list of cases to a status, as the application's own bulk update does. A case becomes an exception with a reason
 * when it is missing or inactive, when it already has the status, or when its status is higher and `force` is not set. Up
 * to 1,000 cases move in one transaction, more cases in batches. The list goes directly to the database and its ledger, never through Temporal.
 * @throws InputError when the list is empty, an id is not a text of 1 to 255 characters, or the status is not valid
 * @throws DbError CasesNotReady when a table or the status's timestamp column is missing; no case has moved then
 */
export async function bulkUpdateCaseStatus(
  { caseIds, newStatus, force: isForced = false }: BulkUpdateInput,
  { signal = new AbortController().signal, ...telemetry }: BulkUpdateOptions = {},
): Promise<BulkUpdateResult> {
  refuseWrongInput(caseIds, newStatus);
  const setup = hostSetup(telemetry);
  const { log, metrics } = setup;
  if (setup.config.isShadow)
    throw new InputError('SHADOW is true: no case is moved. Unset SHADOW to move cases.');
  const given = [...new Set(caseIds)];
  return withHostDatabase(setup, async (database) => {
    const startedMs = performance.now();
    const update = { caseIds: given, target: newStatus, isForced };
    const result = asResult(
      given,
      await bulkUpdate(database, schemasOf(setup), update, signal),
      newStatus,
      isForced,
    );
    const ms = performance.now() - startedMs;
    report(log, result, ms);
    const exceptionCount = result.total_exceptions;
    if (metrics) recordCaseUpdate(metrics, { job: 'bulk-case-update', ms, exceptionCount });
    return result;
  });
}

function refuseWrongInput(caseIds: readonly string[], newStatus: number): void {
  const problems = [
    ...(status.safeParse(newStatus).success ? [] : [`newStatus must be ${statusAccepted}`]),
    ...(ids.safeParse(caseIds).error?.issues ?? []).map(({ path, message }) =>
      // Zod's messages name limits and types, never the value.
      [['caseIds', ...path.map(String)].join('.'), message].join(': '),
    ),
  ];
  if (problems.length > 0)
    throw new InputError(`The cases cannot be updated: ${problems.slice(0, 10).join('; ')}.`);
}

function asResult(
  given: readonly string[],
  { runId, moved, exceptions }: BulkReport,
  target: number,
  forced: boolean,
): BulkUpdateResult {
  const field = timestampColumn(target);
  const updatedCases = given.flatMap((id): UpdatedCase[] => {
    const line = moved.get(id);
    if (!line) return [];
    const previous = line.fromStatus ?? 0;
    const timestamp = field === undefined ? null : { field, transition: `${previous} -> ${target}` };
    const both = { case_id: id, previous_status: previous, new_status: target, forced };
    return [{ ...both, timestamp_updated: timestamp }];
  });
  const left = given.flatMap((id): CaseExceptionLine[] => {
    const line = exceptions.get(id);
    return line
      ? [{ case_id: id, reason: line.reason, current_status: line.status, attempted_status: target }]
      : [];
  });
  return {
    run_id: runId,
    updated_cases: updatedCases,
    exceptions: left,
    total_processed: updatedCases.length + left.length,
    total_updated: updatedCases.length,
    total_exceptions: left.length,
  };
}

const mostWarnings = 100;

function report(
  log: Log,
  { run_id: runId, exceptions, total_updated: updated }: BulkUpdateResult,
  ms: number,
): void {
  const fields = { job: 'bulk-case-update', runId };
  for (const { case_id: caseId, reason } of exceptions.slice(0, mostWarnings)) {
    log.warn('case not moved', { ...fields, caseId, reason });
  }
  log.info('run ends', { ...fields, updated, exceptions: exceptions.length, seconds: ms / 1000 });
}
