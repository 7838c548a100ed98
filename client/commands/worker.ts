import process from 'node:process';
import type { Config } from '../../config/config.ts';
import { createLog } from '../../telemetry/log.ts';
import { installRuntime } from '../../worker/runtime.ts';
import { startWorker } from '../../worker/worker.ts';
import { asUnreachable } from '../connection.ts';
import { CommandError, exitCodes } from '../exit.ts';

/** `surgicase worker`: runs until SIGINT or SIGTERM, then lets running activities finish. */
export async function worker(config: Config): Promise<number> {
  if (!config.database) throw new CommandError(exitCodes.usage, 'DATABASE_URL is required.');
  const log = createLog(config.log);
  installRuntime(log, config.metricsAddress);
  const running = await startWorker({ config, database: config.database, log }).catch(asUnreachable(config));
  const stop = (signal: string) => {
    log.info('worker is stopping', { signal });
    void running.stop();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  log.info('worker is ready', { temporal: config.temporal.connectionOptions.address });
  await running.done;
  log.info('worker stopped');
  return exitCodes.done;
}
