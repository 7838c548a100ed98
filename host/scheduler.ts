import process from 'node:process';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { asUnreachable, withClient } from '../client/connection.ts';
import { applySchedules, plannedSchedules, type ScheduleChange } from '../client/schedules.ts';
import { hostEnvironment, readConfig } from '../config/config.ts';
import { createLog, hostLog, type Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RunningWorker } from '../worker/running.ts';
import { startWorker } from '../worker/worker.ts';
import { schedulerOf, type Scheduler } from './handle.ts';
import { hostSetup } from './setup.ts';

/** Settings of the worker in the host application. */
export interface SchedulerOptions {
  /** Records the counts and durations of case updates; when absent, they go to Temporal's metrics. */
  readonly recorder?: Metrics;
  /** Receives the lines of the worker and of its runs; when absent, they go to stderr. */
  readonly log?: Log;
  /** Temporal's interceptors around each attempt of an activity, for traces. An error that one throws fails the attempt. */
  readonly activityInterceptors?: readonly ActivityInterceptorsFactory[];
}

/**
 * Creates or updates the three weekly schedules in Temporal as the configuration says, like `surgicase schedules apply`.
 * They replace the job list of the Python scheduler's timer thread. Keeps an operator's pause.
 */
export async function setupWeeklyScheduler(): Promise<ScheduleChange[]> {
  const config = readConfig(hostEnvironment(), ['temporal']);
  return withClient(config, (client) => applySchedules(client, plannedSchedules(config)));
}

/**
 * Starts the worker inside this process when `ENABLE_SCHEDULER` is `true`, and returns at once. Creates missing schedules and
 * leaves existing ones unchanged. Nothing that happens to the worker ends the host's process; the host handles the signals,
 * and calls `stop` before it exits.
 */
export function startScheduler(options: SchedulerOptions = {}): Scheduler {
  return schedulerOf(
    async () => (isEnabled() ? startHere(options) : undefined),
    options.log ? hostLog(errorsOnly, options.log) : createLog(errorsOnly),
  );
}

/** The Python scheduler's name: waits until the worker of `startScheduler` is ready. Undefined unless `ENABLE_SCHEDULER` is `true`. */
export async function runSchedulerInBackground(
  options: SchedulerOptions = {},
): Promise<Scheduler | undefined> {
  if (!isEnabled()) return undefined;
  const scheduler = startScheduler(options);
  await scheduler.ready;
  return scheduler;
}

/**
 * The Python scheduler's name, in place of its timer loop: runs a worker until SIGINT or SIGTERM, whatever `ENABLE_SCHEDULER`
 * is. Rejects with the error that stopped the worker.
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

/** For errors of the start, which can be in the configuration itself. */
const errorsOnly = { level: 'error', format: 'json' } as const;

const isEnabled = () => readConfig(hostEnvironment()).isSchedulerEnabled;

async function startHere(options: SchedulerOptions): Promise<RunningWorker> {
  const setup = hostSetup(options, ['database', 'temporal']);
  const { config, log } = setup;
  await withClient(config, (client) =>
    applySchedules(client, plannedSchedules(config), { isOnlyMissing: true }),
  );
  const { activityInterceptors } = options;
  const worker = await startWorker({
    ...setup,
    ...(activityInterceptors && { activityInterceptors }),
  }).catch(asUnreachable(config));
  log.info('worker is ready', { temporal: config.temporal.connectionOptions.address });
  return worker;
}
