import { workflowInfo } from '@temporalio/workflow';
import type { CaseJob } from '../contract/schedules.ts';
import type { CaseUndoInput, CaseUpdateInput, CaseUpdateResult } from '../contract/workflows.ts';
import { caseTask, undoTask } from './case-input.ts';
import { CaseRun } from './case-run.ts';
import { decisionBy } from './decided-by.ts';

/** Mondays: moves every active case from ready for billing (10) to pending payment (15). */
export function pendingPaymentUpdate(input: CaseUpdateInput = {}): Promise<CaseUpdateResult> {
  return updateCases('pending-payment-update', input);
}

/** Thursdays: moves every active case from pending payment (15) to paid (20). */
export function paidUpdate(input: CaseUpdateInput = {}): Promise<CaseUpdateResult> {
  return updateCases('paid-update', input);
}

async function updateCases(job: CaseJob, input: CaseUpdateInput): Promise<CaseUpdateResult> {
  const { source, target, force, dryRun, limit } = caseTask(job, input);
  const limited = limit === undefined ? {} : { limit };
  const selection = { job, source, target, force, scheduledAt: scheduledAt(), ...limited };
  const summary = `select the active cases with status ${source}`;
  return new CaseRun({
    job,
    source,
    target,
    dryRun,
    ...limited,
    select: ({ selectCases }, isDryRun) =>
      selectCases.executeWithOptions({ summary }, [{ ...selection, dryRun: isDryRun }]),
  }).run();
}

/** Reverts the cases of an earlier run that have not changed since. */
export async function caseUndo(input: CaseUndoInput): Promise<CaseUpdateResult> {
  const { undoes, ...decidedBy } = undoTask(input);
  const summary = `select the cases that run ${undoes} moved`;
  return new CaseRun({
    job: 'case-undo',
    dryRun: false,
    decision: decisionBy('undo', decidedBy),
    select: ({ selectUndo }) => selectUndo.executeWithOptions({ summary }, [{ undoes }]),
  }).run();
}

/** The scheduled time of the run, which may be long past after an outage; without a schedule, its start time. */
function scheduledAt(): string {
  const { searchAttributes, startTime } = workflowInfo();
  const [scheduled] = searchAttributes['TemporalScheduledStartTime'] ?? [];
  return (scheduled instanceof Date ? scheduled : startTime).toISOString();
}
