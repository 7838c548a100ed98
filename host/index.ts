// What a host application imports. The first names are new; the others are those that callers of the Python scheduler
// know, each with what stands behind it now.
export {
  bulkUpdateCaseStatus,
  getCasesWithStatus,
  InputError,
  type BulkUpdateInput,
  type BulkUpdateOptions,
  type BulkUpdateResult,
  type CaseExceptionLine,
  type UpdatedCase,
} from './cases.ts';
export type { Metrics as Recorder } from '../telemetry/metrics.ts';
export type { CaseUpdateResult, NpiUpdateResult } from '../contract/workflows.ts';
export { RunFailedError, runNpiUpdateNow, runPaidUpdateNow, runPendingPaymentUpdateNow } from './run-now.ts';
export {
  runScheduler,
  runSchedulerInBackground,
  setupWeeklyScheduler,
  type SchedulerOptions,
} from './scheduler.ts';

/** What the timer called on Mondays; the schedule does now. Called by hand it is a run of it. */
export { runPendingPaymentUpdateNow as weeklyPendingPaymentUpdate } from './run-now.ts';
/** What the timer called on Tuesdays; the schedule does now. Called by hand it is a run of it. */
export { runNpiUpdateNow as weeklyNpiUpdate } from './run-now.ts';
/** What the timer called on Thursdays; the schedule does now. Called by hand it is a run of it. */
export { runPaidUpdateNow as weeklyPaidUpdate } from './run-now.ts';
/** The old name of the Monday's run by hand. */
export { runPendingPaymentUpdateNow as runUpdateNow } from './run-now.ts';
