import process from 'node:process';
import { withClient } from '../client/connection.ts';
import { applySchedules, plannedSchedules, type ScheduleChange } from '../client/schedules.ts';
import { processEnvironmentWithServices, readConfig } from '../config/config.ts';
import { createLog } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RunningWorker } from '../worker/running.ts';
import { startWorker } from '../worker/worker.ts';
import { installRuntime } from '../worker/runtime.ts';
import { hostConfig } from './environment.ts';

/** Settings of the worker in the host application. */
export interface SchedulerOptions {
  /** Records the counts and durations of case updates; when absent, they go to Temporal's metrics. */
  readonly recorder?: Metrics;
  /** Is called once if the worker stops by itself because of an error, which is also logged. The host goes on. */
  onStopped?(error: Error): void;
}

/**
 * Creates or updates the three weekly schedules in Temporal as the configuration says, like `surgicase schedules apply`.
 * They replace the job list of the Python scheduler's timer thread. Keeps an operator's pause.
 */
export function setupWeeklyScheduler(): Promise<ScheduleChange[]> {
  const config = readConfig(processEnvironmentWithServices(), ['temporal']);
  return withClient(config, (client) => applySchedules(client, plannedSchedules(config)));
}

/**
 * Runs a worker in this process until SIGINT or SIGTERM, in place of the Python scheduler's timer loop. Creates missing
 * schedules and leaves existing ones unchanged.
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
 * Runs the worker in the background when `ENABLE_SCHEDULER` is `true`; otherwise does nothing and returns undefined. The
 * host handles the signals and calls `stop` before it exits; running activities then finish or resume on another worker.
 */
export async function runSchedulerInBackground(
  options: SchedulerOptions = {},
): Promise<RunningWorker | undefined> {
  const { isSchedulerEnabled } = readConfig(processEnvironmentWithServices());
  return isSchedulerEnabled ? startHere(options) : undefined;
}

async function startHere({ recorder, onStopped }: SchedulerOptions): Promise<RunningWorker> {
  const { config, database } = hostConfig(['database', 'temporal']);
  const log = createLog(config.log);
  installRuntime(log, config.metricsAddress);
  await withClient(config, (client) =>
    applySchedules(client, plannedSchedules(config), { isOnlyMissing: true }),
  );
  const worker = await startWorker({ config, database, log, ...(recorder && { metrics: recorder }) });
  log.info('worker is ready', { temporal: config.temporal.connectionOptions.address });
  worker.done.catch((error: unknown) => onStopped?.(error as Error));
  return worker;
}
