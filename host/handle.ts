import type { Log } from '../telemetry/log.ts';
import type { RunningWorker } from '../worker/running.ts';

/** The scheduler in a host's process. A host that looks at none of it keeps its process, whatever happens. */
export interface Scheduler {
  /**
   * Resolves when the worker takes work, and at once when `ENABLE_SCHEDULER` is not `true`. Rejects with the reason why the
   * worker could not start, which is also logged. Call `startScheduler` again to try again.
   */
  readonly ready: Promise<void>;
  /** What `/readyz` answers, as data, within about 2 seconds. Never rejects. */
  health(): Promise<SchedulerHealth>;
  /** Calls `listener` with the error that stopped the worker for good or kept it from starting; never after `stop`. */
  onStopped(listener: (error: Error) => void): void;
  /**
   * Gives running activities 5 seconds to end, then cancels them; another worker resumes them. Takes at most 25 seconds, after
   * a start that is under way.
   */
  stop(): Promise<void>;
}

/** Whether the scheduler works. */
export interface SchedulerHealth {
  /** `off`: `ENABLE_SCHEDULER` is not `true`. */
  readonly state: 'off' | 'ready' | 'not ready';
  /** A sentence for each thing that is not ready; empty when the scheduler is off. */
  readonly problems: readonly string[];
}

/** The handle of a worker that `start` starts, or does not because it is switched off. */
export function schedulerOf(start: () => Promise<RunningWorker | undefined>, log: Log): Scheduler {
  let isStopping = false;
  let look: () => Promise<SchedulerHealth> = () => notReady('The worker is starting.');
  const starting = start();
  const ready = (async () => {
    try {
      const worker = await starting;
      look = worker ? () => healthOf(worker) : () => Promise.resolve({ state: 'off', problems: [] });
    } catch (error) {
      log.error('the worker could not start', { error });
      throw error;
    }
  })();
  const ended = ready.then(async () => (await starting)?.done);
  ended.catch((error: unknown) => {
    look = () => notReady(`The worker has stopped: ${asError(error).message}`);
  });
  return {
    ready,
    health: () => look(),
    onStopped(listener) {
      ended
        .catch((error: unknown) => (isStopping ? undefined : listener(asError(error))))
        .catch((error: unknown) => log.error('a listener of onStopped failed', { error }));
    },
    async stop() {
      isStopping = true;
      const worker = await starting.catch(() => undefined);
      if (!worker) return;
      await worker.stop();
      look = () => notReady('The worker has stopped.');
    },
  };
}

const notReady = (problem: string) =>
  Promise.resolve<SchedulerHealth>({ state: 'not ready', problems: [problem] });

async function healthOf(worker: RunningWorker): Promise<SchedulerHealth> {
  const problems = await worker.problems();
  return { state: problems.length === 0 ? 'ready' : 'not ready', problems };
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));
