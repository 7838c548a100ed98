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
  startScheduler,
  type SchedulerOptions,
} from './scheduler.ts';
export type { Scheduler, SchedulerHealth } from './handle.ts';
export type { Log } from '../telemetry/log.ts';

/** The scheduler called it on Mondays; now a schedule starts the job. */
export { runPendingPaymentUpdateNow as weeklyPendingPaymentUpdate } from './run-now.ts';
/** The scheduler called it on Tuesdays; now a schedule starts the job. */
export { runNpiUpdateNow as weeklyNpiUpdate } from './run-now.ts';
/** The scheduler called it on Thursdays; now a schedule starts the job. */
export { runPaidUpdateNow as weeklyPaidUpdate } from './run-now.ts';
/** It ran the job of Monday by hand. */
export { runPendingPaymentUpdateNow as runUpdateNow } from './run-now.ts';
