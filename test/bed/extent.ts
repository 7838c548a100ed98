import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Set by the project `exhaustive` of vitest.config.ts. */
    readonly isExhaustive: boolean | undefined;
  }
  interface TestTags {
    tags: 'exhaustive';
  }
}

/** `npm test` takes a sample of what could be tried; `npm run test:all` tries everything. */
export const isExhaustive = inject('isExhaustive') === true;

/** The options of a test that only `npm run test:all` runs. */
export const exhaustive = { tags: ['exhaustive' as const] };

/** How much to try: the sample, or everything. */
export const extent = <T>(sample: T, everything: T): T => (isExhaustive ? everything : sample);

/** A sample of `count` items, evenly spread, or the whole list. */
export const sampleOf = <T>(list: readonly T[], count: number): readonly T[] =>
  isExhaustive
    ? list
    : list.filter(
        (_, i) => Math.floor(((i + 1) * count) / list.length) > Math.floor((i * count) / list.length),
      );

const fixedSeed = 20_261_127;
/** CI decides whether a change lands, so it tries the same cases each time: what a new case finds is rarely the change's. */
const seed = isExhaustive && process.env['CI'] === undefined ? Math.floor(Math.random() * 1e9) : fixedSeed;

/** Settings for fast-check. A run of `npm run test:exhaustive` outside CI tries new cases. */
export const cases = (sample: number, everything: number) => ({ numRuns: extent(sample, everything), seed });

/**
 * The same for cases that take seconds. The first failing case is reported as it is: to look for a smaller one, fast-check
 * would run the case so often that the test ends at its time limit and names no case at all.
 */
export const slowCases = (sample: number, everything: number) => ({
  ...cases(sample, everything),
  endOnFailure: true,
});

/** The seed of other random tests: of the variable if it is set, so that a failure can be repeated. */
export function seedFrom(variable: string): number {
  return Number(process.env[variable] ?? seed);
}
