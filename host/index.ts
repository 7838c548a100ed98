// The package's public functions, for a host application. The last four are the names of the Python scheduler's functions.
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

/** The function that the Python scheduler called on Mondays. Now the schedule does that; a call runs the job once. */
export { runPendingPaymentUpdateNow as weeklyPendingPaymentUpdate } from './run-now.ts';
/** The function that the Python scheduler called on Tuesdays. Now the schedule does that; a call runs the job once. */
export { runNpiUpdateNow as weeklyNpiUpdate } from './run-now.ts';
/** The function that the Python scheduler called on Thursdays. Now the schedule does that; a call runs the job once. */
export { runPaidUpdateNow as weeklyPaidUpdate } from './run-now.ts';
/** The Python scheduler's function for running Monday's job by hand. */
export { runPendingPaymentUpdateNow as runUpdateNow } from './run-now.ts';
