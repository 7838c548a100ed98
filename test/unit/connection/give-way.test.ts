import { expect, it } from 'vitest';
import { waitWhileBusy } from '../../../db/connection/give-way.ts';

/** Answers of a server, one after another; the last one repeats. */
function server(...answers: readonly number[]) {
  let [asked, waitedMs] = [0, 0];
  return {
    read: async () => answers[Math.min(asked++, answers.length - 1)] ?? 0,
    wait: async (ms: number) => {
      waitedMs += ms;
    },
    waitedMs: () => waitedMs,
  };
}

it.each([
  ['starts at once on a quiet server', [4], undefined],
  ['waits until the server is quiet', [9, 7, 5, 4], { ms: 300, threadsRunning: 9 }],
  ['waits no longer than two seconds', [40], { ms: 2000, threadsRunning: 40 }],
])('a step %s', async (_name, answers, expected) => {
  const { read, wait, waitedMs } = server(...answers);
  expect(await waitWhileBusy(read, 4, wait)).toEqual(expected);
  expect(waitedMs()).toBe(expected?.ms ?? 0);
});
