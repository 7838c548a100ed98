import { setTimeout as sleep } from 'node:timers/promises';
import { GracefulShutdownPeriodExpiredError, type Worker } from '@temporalio/worker';
import type { Log } from '../telemetry/log.ts';

/** A worker that polls both task queues. */
export interface RunningWorker {
  /**
   * Resolves when the worker has stopped; rejects with the error that stopped it for good. The error is also logged, so a
   * host that ignores this promise does not end with it.
   */
  readonly done: Promise<void>;
  /** Gives running activities 5 seconds to end, then cancels them; resolves within 25 seconds, also after an error. */
  stop(): Promise<void>;
}

/** The orchestrators' usual patience is 30 s. The last 4 s are for notifications and for closing connections. */
export const shutdownTimes = { shutdownGraceTime: 5000, shutdownForceTime: 20_000 } as const;
const closeMs = 4000;

/** Runs the workers until one of them fails or `stop` is called; then stops all, and calls `close`. */
export function runWorkers(workers: readonly Worker[], log: Log, close: () => Promise<void>): RunningWorker {
  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const runs = workers.map((worker) => worker.run().finally(shutdown));
  const done = ended(runs, log, close);
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

async function ended(runs: readonly Promise<void>[], log: Log, close: () => Promise<void>): Promise<void> {
  const ends = await Promise.allSettled(runs);
  const errors = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []));
  const failures = errors.filter((error) => !(error instanceof GracefulShutdownPeriodExpiredError));
  if (failures.length < errors.length) {
    // Such as a statement that MySQL takes minutes to roll back. Its transaction never commits.
    log.warn('an activity did not end in time after its cancellation; Temporal repeats it on another worker');
  }
  const closed = close().catch((error: unknown) =>
    log.debug('the worker could not close its connections', { error: String(error) }),
  );
  await Promise.race([closed, sleep(closeMs, undefined, { ref: false })]);
  if (failures.length > 0) throw failures[0];
}
