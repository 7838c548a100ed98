import { compareReleases, type Release } from './release.ts';

const kinds = ['weekly', 'monthly', 'deactivation'] as const;

/**
 * The releases that an archive no longer keeps: of each kind the oldest ones beyond `keepCount`. The newest monthly and
 * every release after it stay whatever the number is, because together they bring the registry back.
 */
export function surplusReleases(releases: readonly Release[], keepCount: number): readonly Release[] {
  const newestFirst = releases.toSorted((a, b) => compareReleases(b, a));
  const monthly = newestFirst.find(({ kind }) => kind === 'monthly');
  return kinds
    .flatMap((kind) => newestFirst.filter((release) => release.kind === kind).slice(keepCount))
    .filter((release) => monthly === undefined || compareReleases(release, monthly) < 0);
}
