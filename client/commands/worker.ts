import process from 'node:process';
import type { Config } from '../../config/config.ts';
import { createLog } from '../../telemetry/log.ts';
import { installRuntime } from '../../worker/runtime.ts';
import { startWorker } from '../../worker/worker.ts';
import { asUnreachable } from '../connection.ts';
import { CommandError, exitCodes } from '../exit.ts';

const exitPatienceMs = 500;

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
  try {
    await running.done.catch(asUnreachable(config));
  } finally {
    // An activity that did not end in time, or the SDK's open poll, must not keep the process alive.
    setTimeout(() => process.exit(), exitPatienceMs).unref();
  }
  log.info('worker stopped');
  return exitCodes.done;
}
