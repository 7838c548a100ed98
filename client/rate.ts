import type { RunSnapshot } from './follow.ts';
import { aboutMinutes, grouped } from './numbers.ts';
import { sized } from '../nppes/transfer/disk-space.ts';

// Less than this says more about the start of the step than about its rest.
const leastSeconds = 2;

/** How much of the current step is done: what is counted, and the part of the whole where it is known. */
interface Amount {
  readonly step: string;
  readonly count: number;
  readonly unit: 'rows' | 'cases' | 'bytes';
  readonly fraction: number | undefined;
}

/**
 * Says how fast the current step goes and how long the rest takes, as `about 3 min left` and `5,000 rows/s`. Call it with every
 * snapshot and the time of a clock that never goes back; it measures from the first snapshot of the step.
 */
export function createRate(): (snapshot: RunSnapshot, nowMs: number) => string[] {
  let first: (Amount & { readonly atMs: number }) | undefined;
  return (snapshot, nowMs) => {
    const now = amountOf(snapshot);
    // A repeated attempt may begin again at a smaller count.
    if (!now || first?.step !== now.step || now.count < first.count) {
      first = now && { ...now, atMs: nowMs };
      return [];
    }
    const seconds = (nowMs - first.atMs) / 1000;
    const perSecond = (now.count - first.count) / seconds;
    if (seconds < leastSeconds || perSecond === 0) return [];
    return [...leftOf(first, now, seconds), rateOf(now, perSecond)];
  };
}

function amountOf({ progress, activity }: RunSnapshot): Amount | undefined {
  const { rows, cases, bytes, totalBytes, step } = activity?.heartbeat ?? {};
  const name = [progress.phase, 'release' in progress ? progress.release : '', step].join();
  if (cases !== undefined && 'found' in progress)
    return { step: name, count: cases, unit: 'cases', fraction: cases / Math.max(1, progress.found) };
  const fraction = bytes !== undefined && totalBytes ? bytes / totalBytes : undefined;
  if (rows !== undefined) return { step: name, count: rows, unit: 'rows', fraction };
  return bytes === undefined ? undefined : { step: name, count: bytes, unit: 'bytes', fraction };
}

function leftOf(first: Amount, now: Amount, seconds: number): string[] {
  if (first.fraction === undefined || now.fraction === undefined || now.fraction <= first.fraction) return [];
  const left = (seconds * (1 - now.fraction)) / (now.fraction - first.fraction);
  return [`${aboutMinutes(Math.max(0, left))} left`];
}

function rateOf({ unit }: Amount, perSecond: number): string {
  return unit === 'bytes' ? `${sized(perSecond)}/s` : `${grouped(Math.round(perSecond))} ${unit}/s`;
}
