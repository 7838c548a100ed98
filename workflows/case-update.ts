import { workflowInfo } from '@temporalio/workflow';
import type { CaseJob } from '../contract/schedules.ts';
import type { CaseUndoInput, CaseUpdateInput, CaseUpdateResult } from '../contract/workflows.ts';
import { caseTask, undoTask } from './case-input.ts';
import { CaseRun } from './case-run.ts';

/** Mondays: every active case ready for billing (10) goes to pending payment (15). */
export function pendingPaymentUpdate(input: CaseUpdateInput = {}): Promise<CaseUpdateResult> {
  return updateCases('pending-payment-update', input);
}

/** Thursdays: every active case with payment pending (15) goes to paid (20). */
export function paidUpdate(input: CaseUpdateInput = {}): Promise<CaseUpdateResult> {
  return updateCases('paid-update', input);
}

async function updateCases(job: CaseJob, input: CaseUpdateInput): Promise<CaseUpdateResult> {
  const { source, target, force, dryRun, limit } = caseTask(job, input);
  const selection = { job, source, target, force, dryRun, scheduledAt: scheduledAt() };
  const summary = `freeze the active cases with status ${source}`;
  return new CaseRun({
    job,
    source,
    target,
    dryRun,
    ...(limit !== undefined && { limit }),
    select: ({ selectCases }) => selectCases.executeWithOptions({ summary }, [selection]),
  }).run();
}

/** Brings the cases of an earlier run back, those that still stand where it put them. */
export async function caseUndo(input: CaseUndoInput): Promise<CaseUpdateResult> {
  const undoes = undoTask(input);
  const summary = `freeze what the run ${undoes} moved`;
  return new CaseRun({
    job: 'case-undo',
    dryRun: false,
    select: ({ selectUndo }) => selectUndo.executeWithOptions({ summary }, [{ undoes }]),
  }).run();
}

/** When a schedule wanted this run, which is long ago where the service was down; else when it was started. */
function scheduledAt(): string {
  const { searchAttributes, startTime } = workflowInfo();
  const [scheduled] = searchAttributes['TemporalScheduledStartTime'] ?? [];
  return (scheduled instanceof Date ? scheduled : startTime).toISOString();
}
