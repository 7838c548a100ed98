import { IllegalStateError } from '@temporalio/common';
import { DefaultLogger, makeTelemetryFilterString, Runtime, type LogLevel } from '@temporalio/worker';
import type { Log } from '../telemetry/log.ts';

// The activities log their failures with what to do, and each state of a worker is told by who starts it.
const routine: ReadonlySet<string> = new Set([
  'Activity failed',
  'Workflow failed',
  // The queue of the loads has none.
  'No workflows registered, not polling for workflow tasks',
]);

/**
 * Sends the SDK's own lines to our log, and its metrics where Prometheus reads them; before the first worker. Signals
 * stay with the host. A process has one runtime: where a host has installed its own, that one serves.
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
        ...(metricsAddress !== undefined && { metrics: { prometheus: { bindAddress: metricsAddress } } }),
        logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
      },
    });
  } catch (error) {
    if (!(error instanceof IllegalStateError)) throw error;
  }
}

function writerOf(log: Log, level: LogLevel) {
  if (level === 'ERROR') return log.error;
  return level === 'WARN' ? log.warn : log.debug;
}
