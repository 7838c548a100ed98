import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Set by the project `exhaustive` of vitest.config.ts. */
    readonly isExhaustive: boolean | undefined;
  }
}

/** `npm test` takes a sample of what could be tried; `npm run test:all` tries everything. */
export const isExhaustive = inject('isExhaustive') === true;

/** How much to try: the sample, or everything. */
export const extent = <T>(sample: T, everything: T): T => (isExhaustive ? everything : sample);

/** A sample of `count` items, evenly spread, or the whole list. */
export const sampleOf = <T>(list: readonly T[], count: number): readonly T[] =>
  isExhaustive
    ? list
    : list.filter(
        (_, i) => Math.floor(((i + 1) * count) / list.length) > Math.floor((i * count) / list.length),
      );

/** Settings for fast-check: a sample with a fixed seed, or many cases with a new seed. */
export const cases = (sample: number, everything: number) =>
  isExhaustive ? { numRuns: everything } : { numRuns: sample, seed: 20_261_127 };

/** The seed of other random tests: of the variable if it is set, so that a failure can be repeated. */
export function seedFrom(variable: string): number {
  const given = process.env[variable];
  if (given !== undefined) return Number(given);
  return isExhaustive ? Math.floor(Math.random() * 1e9) : 20_261_127;
}
