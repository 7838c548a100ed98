import type { ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import { utcMinute } from '../telemetry/times.ts';

/**
 * When the pause of a schedule ends by itself; undefined when no such pause holds. The pause is a start time of the schedule:
 * Temporal skips every firing before it. So it ends without a worker, and survives every restart.
 */
export function pausedUntil({ spec: { startAt } }: Pick<ScheduleDescription, 'spec'>): Date | undefined {
  return startAt !== undefined && startAt.getTime() > Date.now() ? startAt : undefined;
}

/** Whether a schedule fires or not from now on, and who decided it and why. */
export interface Pause {
  readonly isPaused: boolean;
  readonly by: string;
  /** What the schedule does, which the note says again once it is resumed. */
  readonly sentence: string;
  /** The pause ends by itself at this time; absent: somebody has to resume the schedule. */
  readonly until?: Date;
}

/** Pauses or resumes a schedule. Its note says who did it and why, and until when a pause that ends by itself holds. */
export function changePause(handle: ScheduleHandle, { isPaused, by, sentence, until }: Pause): Promise<void> {
  const end = until ? ` until ${utcMinute(until.toISOString())}` : '';
  return handle.update((previous) => ({
    ...previous,
    // Without a pause, a start time that has passed.
    spec: { ...previous.spec, startAt: until ?? new Date(0) },
    state: {
      ...previous.state,
      paused: isPaused && until === undefined,
      note: isPaused ? `paused${end} by ${by}` : `${sentence} Resumed by ${by}`,
    },
  }));
}
