import type { DiscoverInput, Discovery, DueRelease, NpiActivities } from '../contract/activities.ts';
import { completeBaseline } from '../db/baseline/swap.ts';
import { givenUpFiles, pendingRollbacks } from '../db/ledger/rolled-back.ts';
import { DbError } from '../db/connection/errors.ts';
import type { Lease } from '../db/ledger/lease.ts';
import { otherLoader } from '../db/ledger/other-loader.ts';
import { referenceGap } from '../db/registry/reference-gap.ts';
import { noteSuperseded, publishedFiles, supersededNames } from '../db/ledger/releases.ts';
import { replaceStandingWarnings } from '../db/ledger/warnings.ts';
import { dueReleases, missingDays, type ListedRelease, type PublishedRelease } from '../nppes/page/due.ts';
import { dueFile } from '../nppes/page/due-file.ts';
import { NppesError } from '../nppes/errors.ts';
import { listedReleases, zipFacts } from '../nppes/page/listing.ts';
import { unlistedWeeklies } from '../nppes/page/unlisted.ts';
import { releaseName } from '../nppes/page/release.ts';
import type { Caller } from '../nppes/transfer/request.ts';
import { archiveRemarks, openArchive } from './archive.ts';
import { attempt, underLeaseUnlessDry, type Attempt } from './attempt.ts';
import { job, type ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';
import { historyRemarks } from './history.ts';
import { knownReleases } from './known-releases.ts';
import { discoverRebuild } from './rebuild.ts';
import { reportGaps } from './gaps.ts';
import { namedFile } from './named-file.ts';
import { rollbackRemark } from './rollback.ts';
import { removeRangeFolders } from './zip-file.ts';

/** Finds the releases that are due, from the page or from a named file. */
export function discoverActivity(deps: ActivityDeps): Pick<NpiActivities, 'discover'> {
  return {
    discover: (input) =>
      attempt(deps, 'discover', { job }, (current) =>
        underLeaseUnlessDry(deps, current, { job, isDryRun: input.dryRun }, async (lease) => {
          if (lease) await tidy(deps, current, lease);
          const held = await rollbackHolds(deps, current, input);
          if (held !== undefined) return { due: [], remarks: [held] };
          const discovery = input.rebuild
            ? await discoverRebuild(deps, current, input.until)
            : await discover(deps, current, input, lease);
          return withArchive(deps, current, discovery, lease !== undefined);
        }),
      ),
  };
}

/** Opens the archive before anything is loaded, because a run that cannot archive must not publish. A dry run previews it. */
async function withArchive(
  deps: ActivityDeps,
  { signal, log }: Attempt,
  { due, remarks }: Discovery,
  mayWrite: boolean,
): Promise<Discovery> {
  const published = await deps.database.session(signal, publishedFiles);
  if (mayWrite && due.length > 0) await openArchive(deps, published);
  const previews = mayWrite
    ? []
    : [...(await archiveRemarks(deps, published, due)), ...(await historyRemarks(deps, signal))];
  for (const preview of previews) log.info(preview);
  return { due, remarks: [...remarks, ...previews] };
}

/**
 * Why nothing is loaded: a release is rolled back, and loading others would be no way forward.
 * @throws DbError RollbackRefused when somebody has asked for a load, who must not take its end for success
 */
async function rollbackHolds(
  deps: ActivityDeps,
  { signal, log }: Attempt,
  { file, replace, rebuild }: DiscoverInput,
): Promise<string | undefined> {
  const pending = await deps.database.session(signal, pendingRollbacks);
  if (pending.length === 0) return undefined;
  const remark = rollbackRemark(pending);
  if (file !== undefined || replace || rebuild) throw new DbError('RollbackRefused', remark);
  log.warn(remark);
  return remark;
}

/** Completes the ledger of a run that died right after a swap, and removes range folders that dead runs left on this host. */
async function tidy(deps: ActivityDeps, { signal }: Attempt, lease: Lease): Promise<void> {
  await deps.database.session(signal, (session) => completeBaseline(session, deps.schemas, lease));
  await removeRangeFolders(deps);
}

async function discover(
  deps: ActivityDeps,
  current: Attempt,
  { weeks, replace, file }: DiscoverInput,
  lease: Lease | undefined,
): Promise<Discovery> {
  const { signal, log } = current;
  const startedAt = performance.now();
  const [published, givenUp, heldNames] = await deps.database.session(
    signal,
    async (session) =>
      [await publishedFiles(session), await givenUpFiles(session), await supersededNames(session)] as const,
  );
  const named = file === undefined ? undefined : await namedFile(file, signal);
  // What a person gave up is loaded again only by its name.
  const known = knownReleases(named ? published : [...published, ...givenUp]);
  const { listed, notes } = named
    ? { listed: [named], notes: [] }
    : await listReleases(deps, current, known, heldNames);
  const rule = replace ? 'replace' : deps.baselineRule;
  const { due, remarks, warnings, superseded, gaps } = named
    ? { ...dueFile(named, known, deps.today()), gaps: undefined, warnings: [] }
    : dueReleases(listed, known, deps.today(), rule);
  const monthlies = due.filter(({ release }) => release.kind === 'monthly');
  const weeklies = due.filter(({ release }) => release.kind === 'weekly');
  const chosen = weeks === undefined ? due : [...monthlies, ...weeklies.slice(-weeks)];
  const baseline = published.filter(({ kind }) => kind === 'monthly').at(-1);
  // If a monthly is about to be loaded, the weeklies that it supersedes are noted after that.
  if (lease && baseline && monthlies.length === 0) {
    await deps.database.session(signal, (session) =>
      noteSuperseded(
        session,
        lease,
        baseline.releaseId,
        superseded.map(({ release }) => release),
      ),
    );
  }
  const names = chosen.map(({ release }) => releaseName(release));
  const allRemarks = [...notes, ...remarks];
  for (const remark of allRemarks) log.info(remark);
  if (lease && gaps) {
    reportGaps(deps, current, gaps);
    await deps.database.session(signal, async (session) => {
      const found = [await otherLoader(session, deps.schemas), await referenceGap(session, deps.schemas)];
      await replaceStandingWarnings(session, lease, {
        job,
        runId: current.runId,
        remarks: [...notes, ...warnings, ...found.filter((text) => text !== undefined)],
      });
    });
  }
  log.info(named ? 'file read' : 'page read', {
    listed: listed.length,
    due: names,
    seconds: secondsSince(startedAt),
  });
  return { due: chosen.map(({ release, url }): DueRelease => ({ release, url })), remarks: allRemarks };
}

/** The releases on offer, and one sentence for each surprise of the page. */
interface Offer {
  readonly listed: readonly ListedRelease[];
  readonly notes: readonly string[];
}

/** The releases that the page links, and those weeklies of a gap that its server still has. */
async function listReleases(
  { pageUrl, dispatcher, today }: ActivityDeps,
  { signal, log }: Attempt,
  published: readonly PublishedRelease[],
  heldNames: ReadonlySet<string>,
): Promise<Offer> {
  const caller = { signal, dispatcher };
  const { listed: offered, absent } = await listedReleases(pageUrl, caller);
  // A loaded monthly covers these by the period of their member; by the name of their zip they would stay due forever.
  const links = offered.filter(({ release }) => !heldNames.has(release.fileName));
  const listed = await withFacts({ ...caller, log }, links, published);
  const gaps = missingDays(listed, published, today());
  const unlisted = await unlistedWeeklies(gaps, offered[0]?.url ?? pageUrl, caller);
  return {
    listed: [...listed, ...unlisted],
    notes: [
      ...absent.map(
        ({ release }) => `The page links ${release.fileName}, but the zip is not on this disk: not loaded.`,
      ),
      ...unlisted.map(
        ({ release }) => `${releaseName(release)} is not on the page any more; its server still has it.`,
      ),
    ],
  };
}

/** Asks the server for ETag and length of published releases only; all others are due in any case. */
function withFacts(
  { log, ...caller }: Caller & Pick<Attempt, 'log'>,
  links: readonly ListedRelease[],
  published: readonly PublishedRelease[],
): Promise<ListedRelease[]> {
  const publishedNames = new Set(published.map(({ release }) => release.fileName));
  // A problem with a zip that is already published must not stop the new ones.
  const asUnchanged = (error: unknown) => {
    if (!(error instanceof NppesError)) throw error;
    log.warn('could not check whether the published zip changed; assuming it did not', {
      reason: error.message,
    });
    return {};
  };
  return Promise.all(
    links.map(async ({ release, url }) => {
      const isKnown = publishedNames.has(release.fileName);
      const offer = isKnown ? await zipFacts(url, caller).catch(asUnchanged) : {};
      return { release, url, ...offer };
    }),
  );
}
