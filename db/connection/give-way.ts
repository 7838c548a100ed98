import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from './session.ts';

// A server that is busy all day must not stop a load: each step begins after this long at the latest.
const longestPauseMs = 2000;
const askEveryMs = 100;

/** How long a step waited for the statements of others, and how many were running when it began to wait. */
export interface Pause {
  readonly ms: number;
  readonly threadsRunning: number;
}

/**
 * Waits until the server runs at most `maxThreadsRunning` statements, its own question included, but no longer than two
 * seconds. Call it between two steps of a long load, outside a transaction.
 * @returns undefined when it did not wait
 */
export async function giveWay(
  session: Session,
  maxThreadsRunning: number,
  signal: AbortSignal,
): Promise<Pause | undefined> {
  return waitWhileBusy(
    () => readThreadsRunning(session),
    maxThreadsRunning,
    (ms) => sleep(ms, undefined, { signal }),
  );
}

/** The decision of `giveWay`. Counts its waits, not the clock, so a slow answer does not shorten them. */
export async function waitWhileBusy(
  read: () => Promise<number>,
  maxThreadsRunning: number,
  wait: (ms: number) => Promise<void>,
): Promise<Pause | undefined> {
  const threadsRunning = await read();
  if (threadsRunning <= maxThreadsRunning) return undefined;
  let ms = 0;
  do {
    await wait(askEveryMs);
    ms += askEveryMs;
  } while (ms < longestPauseMs && (await read()) > maxThreadsRunning);
  return { ms, threadsRunning };
}

async function readThreadsRunning(session: Session): Promise<number> {
  const [row] = await session.query<{ Value: string }>(
    "SHOW GLOBAL STATUS LIKE 'Threads_running'",
    [],
    'counting running statements',
  );
  return Number(row?.Value ?? 0);
}
