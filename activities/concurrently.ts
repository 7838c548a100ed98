/** A piece of work for one of several lanes; `signal` fires when the caller's does, or when another lane has failed. */
export type LaneTask = (signal: AbortSignal) => Promise<void>;

/**
 * Works through `tasks` in `laneCount` lanes, each taking the next when it is free. The first failure stops the others,
 * and is thrown when all have stopped.
 */
export async function inLanes(
  laneCount: number,
  signal: AbortSignal,
  tasks: Iterable<LaneTask>,
): Promise<void> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const next = tasks[Symbol.iterator]();
  let failure: unknown;
  const lane = async () => {
    try {
      for (let task = next.next(); !task.done; task = next.next()) {
        both.throwIfAborted();
        await task.value(both);
      }
    } catch (error) {
      if (!failed.signal.aborted) failure = error;
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: laneCount }, lane));
  if (failed.signal.aborted) throw failure;
}
