/** Seconds since a moment of `performance.now()`, to a millisecond. */
export function secondsSince(startedAtMs: number): number {
  return Math.round(performance.now() - startedAtMs) / 1000;
}
