import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Session } from '../../db/connection/session.ts';
import { ok, warning, wrong, type Finding } from './check.ts';

// A worker polls at least every 60 s, and counts as gone after 75 s by the clock of the host that asks.
const mostMs = 10_000;

/** Compares the clock of this host with the one of the database, by which leases expire. */
export async function databaseClock(session: Session): Promise<readonly Finding[]> {
  const startedMs = Date.now();
  const [row] = await session.query<{ now: string }>('SELECT UTC_TIMESTAMP(6) AS now');
  const halfwayMs = (startedMs + Date.now()) / 2;
  return compared('the database', Date.parse(`${row?.now.replace(' ', 'T')}Z`) - halfwayMs);
}

/**
 * Compares the clock of this host with the one of Temporal, by which schedules fire. No request asks for the time, but the
 * server notes when it was polled, so this polls a task queue that nothing else uses.
 */
export async function temporalClock(client: Client): Promise<readonly Finding[]> {
  const { namespace } = client.options;
  const taskQueue = { name: 'surgicase-doctor' };
  const identity = `surgicase doctor ${crypto.randomUUID()}`;
  const enough = new AbortController();
  const startedMs = Date.now();
  const refused: Error[] = [];
  const polled = client
    .withDeadline(startedMs + pollMs, () =>
      client.withAbortSignal(enough.signal, () =>
        client.workflowService.pollActivityTaskQueue({ namespace, taskQueue, identity }),
      ),
    )
    .catch((error: unknown) => {
      if (!enough.signal.aborted) refused.push(error as Error);
    });
  try {
    for (let tries = 0; tries < mostTries && refused.length === 0; tries++) {
      const { pollers } = await client.workflowService.describeTaskQueue({
        namespace,
        taskQueue,
        taskQueueType: activityQueue,
      });
      const noted = pollers?.find((poller) => poller.identity === identity)?.lastAccessTime;
      if (noted)
        return compared('Temporal', Number(noted.seconds) * 1000 + Number(noted.nanos) / 1e6 - startedMs);
      await delay(pauseMs);
    }
  } finally {
    enough.abort();
    await polled;
  }
  return [
    warning(
      `The clock of Temporal could not be read${refused.map(({ message }) => `: ${message}`).join('')}.`,
      'Compare `date -u` on both hosts.',
    ),
  ];
}

const activityQueue = 2;
const pollMs = 20_000;
const mostTries = 50;
const pauseMs = 100;

function compared(whose: string, aheadMs: number): readonly Finding[] {
  const seconds = `${Math.abs(aheadMs / 1000).toFixed(1)} s`;
  if (Math.abs(aheadMs) <= mostMs) return [ok(`within ${mostMs / 1000} s of this host`)];
  return [
    wrong(
      `The clock of ${whose} is ${seconds} ${aheadMs > 0 ? 'ahead of' : 'behind'} this host.`,
      'Turn on time synchronization (such as chrony or systemd-timesyncd) on both hosts.',
    ),
  ];
}
