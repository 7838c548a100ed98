import process from 'node:process';
import { withClient } from '../client/connection.ts';
import { applySchedules, plannedSchedules, type ScheduleChange } from '../client/schedules.ts';
import { processEnvironmentWithServices, readConfig } from '../config/config.ts';
import { createLog } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { startWorker, type RunningWorker } from '../worker/worker.ts';
import { installRuntime } from '../worker/runtime.ts';
import { hostConfig } from './environment.ts';

export interface SchedulerOptions {
  /** Takes the counts and timings of case updates; Temporal's metrics do when absent. */
  readonly recorder?: Metrics;
}

/**
 * Brings the three weekly schedules in Temporal to what the configuration says, as `surgicase schedules apply` does: what
 * the timer thread's list of jobs was. A pause that an operator made stays.
 */
export function setupWeeklyScheduler(): Promise<ScheduleChange[]> {
  const config = readConfig(processEnvironmentWithServices(), ['temporal']);
  return withClient(config, (client) => applySchedules(client, plannedSchedules(config)));
}

/**
 * Works until SIGINT or SIGTERM: the worker that the schedules' runs need, in this process, instead of the timer's loop.
 * Schedules that do not exist are created; those that do stay as they are.
 */
export async function runScheduler(options: SchedulerOptions = {}): Promise<void> {
  const worker = await startHere(options);
  const stop = () => void worker.stop();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    await worker.done;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/**
 * The same beside the host's own work, when `ENABLE_SCHEDULER` is `true`; otherwise it does nothing and gives nothing.
 * Signals stay with the host, which calls `stop` before it ends: activities under way then end or are resumed elsewhere.
 */
export async function runSchedulerInBackground(
  options: SchedulerOptions = {},
): Promise<RunningWorker | undefined> {
  const { isSchedulerEnabled } = readConfig(processEnvironmentWithServices());
  return isSchedulerEnabled ? startHere(options) : undefined;
}

async function startHere({ recorder }: SchedulerOptions): Promise<RunningWorker> {
  const { config, database } = hostConfig(['database', 'temporal']);
  const log = createLog(config.log);
  installRuntime(log, config.metricsAddress);
  await withClient(config, (client) =>
    applySchedules(client, plannedSchedules(config), { isOnlyMissing: true }),
  );
  const worker = await startWorker({ config, database, log, ...(recorder && { metrics: recorder }) });
  log.info('worker is ready', { temporal: config.temporal.connectionOptions.address });
  return worker;
}
