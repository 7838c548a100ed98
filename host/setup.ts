import { ConfigError } from '../config/config-error.ts';
import { hostEnvironment, readConfig } from '../config/config.ts';
import { createLog, hostLog, type Log } from '../telemetry/log.ts';
import { hostMetrics, type Metrics } from '../telemetry/metrics.ts';
import type { WorkerSetup } from '../worker/database.ts';

/** Where the host wants to see what happens. */
interface HostTelemetry {
  readonly log?: Log;
  readonly recorder?: Metrics;
}

/**
 * Reads the configuration of the host application from its environment and `.env`, as the commands do.
 * @throws ConfigError naming every wrong or missing value
 */
export function hostSetup(
  { log: theirs, recorder }: HostTelemetry,
  need: Parameters<typeof readConfig>[1] = ['database'],
): WorkerSetup {
  const config = readConfig(hostEnvironment(), need);
  if (!config.database) throw new ConfigError('DATABASE_URL is required.');
  const log = theirs ? hostLog(config.log, theirs) : createLog(config.log);
  const complain = (error: unknown) => log.warn('the recorder of the host failed', { error });
  return {
    config,
    database: config.database,
    log,
    ...(recorder && { metrics: hostMetrics(recorder, complain) }),
  };
}
