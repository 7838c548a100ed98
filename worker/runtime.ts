import { IllegalStateError } from '@temporalio/common';
import { DefaultLogger, makeTelemetryFilterString, Runtime, type LogLevel } from '@temporalio/worker';
import { ConfigError } from '../config/config-error.ts';
import type { Log } from '../telemetry/log.ts';

// Messages that need no line of ours: activities log their own failures with the next step, and runWorkers logs the end.
const routine: ReadonlySet<string> = new Set([
  'Activity failed',
  'Workflow failed',
  'Worker failed',
  // The queue of the loads has activities only.
  'No workflows registered, not polling for workflow tasks',
]);

/**
 * Sends the SDK's own log lines to our log and serves its metrics to Prometheus, until the last connection of this process is
 * closed. The SDK handles no signals; that is the caller's task. A process has one runtime: if a host application has already
 * installed one, that one stays.
 * @throws ConfigError when nothing can listen at `metricsAddress`
 */
export function installRuntime(log: Log, metricsAddress?: string): void {
  const logger = new DefaultLogger('DEBUG', ({ level, message, meta }) => {
    const isRoutine = level === 'INFO' || routine.has(message);
    writerOf(log, isRoutine ? 'DEBUG' : level)(`temporal: ${message}`, { error: meta?.['error'] });
  });
  try {
    Runtime.install({
      logger,
      shutdownSignals: [],
      telemetryOptions: {
        ...(metricsAddress !== undefined && { metrics: { prometheus: prometheusAt(metricsAddress) } }),
        logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
      },
    });
  } catch (error) {
    if (error instanceof IllegalStateError) return;
    if (metricsAddress === undefined) throw error;
    throw new ConfigError(
      `The configuration is not valid:\n  METRICS_ADDRESS: found ${metricsAddress}; nothing can listen there: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** Names after the conventions of Prometheus: counters end with `_total`, histograms with their unit. */
function prometheusAt(bindAddress: string) {
  return {
    bindAddress,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
    histogramBucketOverrides: {
      surgicase_database_statement: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
      npi_load_pause: [0.01, 0.05, 0.1, 0.5, 1, 2],
    },
  };
}

function writerOf(log: Log, level: LogLevel) {
  if (level === 'ERROR') return log.error;
  return level === 'WARN' ? log.warn : log.debug;
}
