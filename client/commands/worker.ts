import process from 'node:process';
import type { Config } from '../../config/config.ts';
import { createLog, type Log } from '../../telemetry/log.ts';
import { installRuntime } from '../../worker/runtime.ts';
import { startWorker } from '../../worker/worker.ts';
import { replayCheck } from '../../worker/replay-check.ts';
import { asUnreachable, withClient } from '../connection.ts';
import { CommandError, exitCodes } from '../exit.ts';

const exitPatienceMs = 500;

/**
 * `surgicase worker`: runs until SIGINT or SIGTERM, then lets running activities finish. With `isChecked` it starts only when
 * the recent runs replay on this build.
 */
export async function worker(
  config: Config,
  { isChecked }: { readonly isChecked: boolean },
): Promise<number> {
  if (!config.database) throw new CommandError(exitCodes.usage, 'DATABASE_URL is required.');
  const log = createLog(config.log);
  if (isChecked) await refuseUnreplayable(config, log);
  try {
    const running = await startWorker({ config, database: config.database, log }).catch(
      asUnreachable(config),
    );
    const stop = (signal: string) => {
      log.info('worker is stopping', { signal });
      void running.stop();
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    log.info('worker is ready', { temporal: config.temporal.connectionOptions.address });
    await running.done.catch(asUnreachable(config));
  } finally {
    // The SDK's runtime, an activity that did not end in time, or an open poll must not keep the process alive.
    setTimeout(() => process.exit(), exitPatienceMs).unref();
  }
  log.info('worker stopped');
  return exitCodes.done;
}

/** @throws CommandError that names the runs which this build cannot continue */
async function refuseUnreplayable(config: Config, log: Log): Promise<void> {
  // It ends with the replay; the worker installs its own.
  installRuntime(log);
  const { replayedCount, failures } = await withClient(config, replayCheck);
  if (failures.length > 0) {
    throw new CommandError(
      exitCodes.failed,
      `This build does not replay ${failures.length} of ${replayedCount} runs, so the worker does not start:\n` +
        failures.map(({ workflowId, reason }) => `  ${workflowId}: ${reason}`).join('\n') +
        '\nStart the build that these runs began with, or add `patched()` where the workflow changed (CONTRIBUTING.md).',
    );
  }
  log.info('recent runs replay on this build', { runs: replayedCount });
}
