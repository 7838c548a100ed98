import { NppesError } from '../errors.ts';
import { dueReleases, newestMonthly, type Due, type ListedRelease } from './due.ts';
import { compareReleases, releaseName, type Release } from './release.ts';

/** What the zips of an archive bring back. */
export interface Rebuild {
  readonly monthly: ListedRelease;
  /** The weeklies and the deactivation report after it, oldest first. */
  readonly later: readonly ListedRelease[];
  /** Days that no zip covers. */
  readonly gaps: Due['gaps'];
}

/**
 * The newest monthly of an archive and everything after it, as if nothing were loaded.
 * @throws NppesError ArchiveIncomplete when there is no monthly, or the archive lacks a published release after it. Without
 * that release the rebuilt tables would be older than they are now.
 */
export function rebuildFrom(
  archived: readonly ListedRelease[],
  published: readonly Release[],
  today: string,
  until?: Release,
): Rebuild {
  const isWanted = (release: Release) => until === undefined || compareReleases(release, until) <= 0;
  const listed = archived.filter(({ release }) => isWanted(release));
  const monthly = newestMonthly(listed, today);
  if (!monthly) {
    const upTo = until === undefined ? '' : ` up to ${releaseName(until)}`;
    throw new NppesError('ArchiveIncomplete', `The archive has no monthly${upTo}.`);
  }
  const { due, gaps } = dueReleases(listed, [monthly], today, 'never');
  const needed = published.filter(
    (release) => isWanted(release) && compareReleases(release, monthly.release) > 0,
  );
  refuseLacking(monthly, listed, needed);
  return { monthly, later: due, gaps };
}

function refuseLacking(
  monthly: ListedRelease,
  listed: readonly ListedRelease[],
  needed: readonly Release[],
): void {
  const names = new Set(listed.map(({ release }) => release.fileName));
  const newestReport = needed.filter(({ kind }) => kind === 'deactivation').at(-1);
  const lacking = needed
    .filter((release) => !names.has(release.fileName))
    // Each report is the full list, so only the newest one is needed.
    .filter((release) => release.kind !== 'deactivation' || release === newestReport);
  if (lacking.length === 0) return;
  throw new NppesError(
    'ArchiveIncomplete',
    `The archive has ${releaseName(monthly.release)}, but lacks ${lacking.map(releaseName).join(', ')}, which is published.`,
  );
}

/**
 * The release of an archive with this name, with or without `.zip`.
 * @throws NppesError ArchiveIncomplete when the archive has no such zip
 */
export function archivedRelease(archived: readonly ListedRelease[], name: string): Release {
  const found = archived.find(({ release }) => releaseName(release) === releaseName({ fileName: name }));
  if (found) return found.release;
  const names = archived.map(({ release }) => releaseName(release));
  throw new NppesError('ArchiveIncomplete', `The archive has no ${name}. It has: ${names.join(', ')}.`);
}
