import { hostname } from 'node:os';
import { pathToFileURL } from 'node:url';
import type { Discovery, DueRelease } from '../contract/activities.ts';
import { liveBaseline } from '../db/baseline/swap.ts';
import { publishedFiles } from '../db/ledger/releases.ts';
import { dueReleases, type ListedRelease } from '../nppes/page/due.ts';
import { NppesError } from '../nppes/errors.ts';
import { listedReleases } from '../nppes/page/listing.ts';
import { archivedRelease, rebuildFrom } from '../nppes/page/rebuild.ts';
import { compareReleases, releaseName } from '../nppes/page/release.ts';
import type { Attempt } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { knownReleases } from './known-releases.ts';

/**
 * What a rebuild from this host's archive loads: first a monthly and everything after it; once that monthly is live, the
 * rest of it.
 * @throws NppesError ArchiveIncomplete
 */
export async function discoverRebuild(
  deps: ActivityDeps,
  { signal, runId, log }: Attempt,
  untilName: string | undefined,
): Promise<Discovery> {
  const archived = await archivedReleases(deps, signal);
  const until = untilName === undefined ? undefined : archivedRelease(archived, untilName);
  const { published, isLive } = await deps.database.session(signal, async (session) => ({
    published: knownReleases(await publishedFiles(session)),
    isLive: (await liveBaseline(session))?.runId === runId,
  }));
  const today = deps.today();
  if (isLive) {
    const listed = archived.filter(({ release }) => !until || compareReleases(release, until) <= 0);
    const { due } = dueReleases(listed, published, today, 'never');
    return { due: due.map(({ release, url }) => ({ release, url })), remarks: [] };
  }
  const known = published.map(({ release }) => release);
  const { monthly, later, gaps } = rebuildFrom(archived, known, today, until);
  const due: DueRelease[] = [
    { release: monthly.release, url: monthly.url, rebuild: true },
    ...later.map(({ release, url }) => ({ release, url })),
  ];
  const names = due.map(({ release }) => releaseName(release));
  log.info('archive read', { folder: deps.archiveDir, due: names });
  return {
    due,
    remarks: [
      `Rebuild from the archive ${deps.archiveDir} on ${hostname()}: ${names.join(', ')}.`,
      ...gaps.map(({ start, end }) => `No weekly of the archive covers the days from ${start} to ${end}.`),
    ],
  };
}

async function archivedReleases(
  { archiveDir, dispatcher }: ActivityDeps,
  signal: AbortSignal,
): Promise<readonly ListedRelease[]> {
  try {
    const { listed } = await listedReleases(pathToFileURL(archiveDir).href, { signal, dispatcher });
    return listed;
  } catch (error) {
    if (!(error instanceof NppesError)) throw error;
    throw new NppesError(
      'ArchiveIncomplete',
      `The archive ${archiveDir} on the host ${hostname()} has no zips of CMS, or cannot be read.`,
      { cause: error },
    );
  }
}
