import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../db/connection/pool.ts';
import type { DatabaseOptions } from '../db/connection/open-connection.ts';
import { forever } from './bed.ts';

/** How long a person's updates took during a benchmark. */
export interface PersonWaits {
  readonly p99Ms: number;
  readonly mostMs: number;
}

const everyMs = 5;

/** Updates one random case after the other until it is stopped. */
export async function startPerson(
  options: DatabaseOptions,
  cases: string,
): Promise<{ stop(): Promise<PersonWaits> }> {
  const database = connect(options);
  const waits: number[] = [];
  const stopped = new AbortController();
  const done = database.session(forever, async (session) => {
    const [{ most } = { most: 1 }] = await session.query<{ most: number }>(
      `SELECT MAX(human_case_id) AS most FROM ${cases}`,
    );
    while (!stopped.signal.aborted) {
      const number = 1 + Math.floor(Math.random() * most);
      const startedMs = performance.now();
      await session.run(`UPDATE ${cases} SET pay_amount = ? WHERE human_case_id = ?`, [
        number % 1000,
        number,
      ]);
      waits.push(performance.now() - startedMs);
      await sleep(everyMs);
    }
  });
  return {
    async stop() {
      stopped.abort();
      await done;
      await database.close();
      waits.sort((one, other) => one - other);
      return { p99Ms: waits[Math.floor(waits.length * 0.99)] ?? 0, mostMs: waits.at(-1) ?? 0 };
    },
  };
}
