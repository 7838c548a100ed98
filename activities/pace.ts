import { giveWay } from '../db/connection/give-way.ts';
import type { Session } from '../db/connection/session.ts';
import type { Attempt } from './attempt.ts';
import { job, type ActivityDeps } from './deps.ts';

/** Lets the statements of others go first, before each step of a load. */
export interface Pace {
  /** Pauses while the server is busy. Call it outside a transaction. */
  giveWay(session: Session, signal: AbortSignal): Promise<void>;
  /** All pauses so far. */
  pausedSeconds(): number;
}

/** The pace of one activity: it logs the first pause, counts all of them, and sums up their time. */
export function createPace(
  { maxThreadsRunning, metrics }: Pick<ActivityDeps, 'maxThreadsRunning' | 'metrics'>,
  { log }: Pick<Attempt, 'log'>,
): Pace {
  let pausedMs = 0;
  return {
    async giveWay(session, signal) {
      const pause = await giveWay(session, maxThreadsRunning, signal);
      if (!pause) return;
      const { threadsRunning, ms } = pause;
      if (pausedMs === 0) {
        log.info('the load pauses before each step while the server is busy', {
          threadsRunning,
          maxThreadsRunning,
        });
      }
      pausedMs += ms;
      metrics.count('npi_load_paused', { job_name: job });
      metrics.recordSeconds('npi_load_pause', ms / 1000, { job_name: job });
    },
    pausedSeconds: () => pausedMs / 1000,
  };
}
