import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from '@temporalio/worker';
import type { Log } from '../telemetry/log.ts';

/** A worker that polls both task queues. */
export interface RunningWorker {
  /**
   * Resolves when the worker has stopped; rejects with the error that stopped it for good. The error is also logged, so a
   * host that ignores this promise does not end with it.
   */
  readonly done: Promise<void>;
  /** What `/readyz` answers: a sentence for each thing that is not ready. */
  problems(): Promise<readonly string[]>;
  /** Gives running activities 5 seconds to end, then cancels them; resolves within 25 seconds, also after an error. */
  stop(): Promise<void>;
}

/** The orchestrators' usual patience is 30 s. The last 4 s are for notifications and for closing connections. */
export const shutdownTimes = { shutdownGraceTime: 5000, shutdownForceTime: 20_000 } as const;
const closeMs = 4000;

/**
 * Runs the workers until one of them fails, `stop` is called, or `gone` resolves with the error of a lost namespace; then
 * stops all, and calls `close`.
 */
export function runWorkers(
  workers: readonly Worker[],
  log: Log,
  gone: Promise<Error>,
  close: () => Promise<void>,
): Omit<RunningWorker, 'problems'> {
  let isStopping = false;
  let failure: { readonly error: unknown } | undefined;
  const shutdown = () => {
    isStopping = true;
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const run = async (worker: Worker) => {
    try {
      await worker.run();
    } catch (error) {
      // While it stops, the SDK reports activities that are still running, and then polls that are still open.
      if (isStopping)
        log.warn('activities did not end in time; Temporal repeats them', { error: String(error) });
      else failure = { error };
    }
    shutdown();
  };
  // The workers of a lost namespace may never end their polls, so nobody waits for them for long.
  const lost = gone.then((error) => {
    failure = { error };
    shutdown();
    return sleep(shutdownTimes.shutdownForceTime, undefined, { ref: false });
  });
  const done = (async () => {
    await Promise.race([Promise.all(workers.map(run)), lost]);
    const closed = close().catch((error: unknown) =>
      log.debug('the worker could not close its connections', { error: String(error) }),
    );
    await Promise.race([closed, sleep(closeMs, undefined, { ref: false })]);
    if (failure) throw failure.error;
  })();
  done.catch((error: unknown) =>
    log.error('the worker has stopped for good; start it again', { error: String(error) }),
  );
  return {
    done,
    async stop() {
      shutdown();
      await done.catch(() => undefined);
    },
  };
}
