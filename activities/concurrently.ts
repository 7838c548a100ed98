/** `signal` fires when the caller's signal does, and when another task has failed. */
type ConcurrentTask = (signal: AbortSignal) => Promise<void>;

/**
 * Runs `tasks` in their order, at most `concurrency` of them at a time. The first failure stops the others; it is thrown
 * when all of them have stopped.
 */
export async function runConcurrently(
  concurrency: number,
  signal: AbortSignal,
  tasks: Iterable<ConcurrentTask>,
): Promise<void> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const next = tasks[Symbol.iterator]();
  let failure: unknown;
  const runNext = async () => {
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
  await Promise.all(Array.from({ length: concurrency }, runNext));
  if (failed.signal.aborted) throw failure;
}
