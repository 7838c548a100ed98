import { compareReleases, releaseName, type Release, parseReleaseName } from './release.ts';

/** A release that the page links; ETag and length if its server was asked for them. */
export interface ListedRelease {
  readonly release: Release;
  readonly url: string;
  readonly etag?: string;
  readonly sizeBytes?: number;
}

/**
 * A release that is in the tables, with ETag and length as they were at its download. Both are absent for a release that
 * an earlier loader brought (`surgicase db adopt`).
 */
export type PublishedRelease = Omit<ListedRelease, 'url'>;

/** The releases to load, in this order, and one sentence for each thing that a person should know about the others. */
export interface Due {
  /** A monthly first, then the releases that follow it, oldest first: weeklies and the newest deactivation report. */
  readonly due: readonly ListedRelease[];
  readonly remarks: readonly string[];
  /** Those remarks that say that something is missing. */
  readonly warnings: readonly string[];
  /** Weeklies and reports whose rows are in the monthly that is loaded or due. */
  readonly superseded: readonly ListedRelease[];
  /** Days that no release covers, and that are not in the monthly that is loaded or due. */
  readonly gaps: readonly Gap[];
}

/**
 * When the newest monthly is due. `auto`: when no monthly was loaded, or weeklies are missing for good. `never`: not at all.
 * `replace`: now, because a person asked for it.
 */
export type BaselineRule = 'auto' | 'never' | 'replace';

// The page keeps two to five weeklies. A weekly that is older than the newest one by this many days is linked in a notice
// (in 2023: four weeklies, nine months old).
const noticeAgeDays = 60;

/** Which releases are due, from what the page lists, what is published, and the date (ISO, UTC). */
export function dueReleases(
  listed: readonly ListedRelease[],
  published: readonly PublishedRelease[],
  today: string,
  rule: BaselineRule,
): Due {
  const { weeklies, future, past, isCurrent } = openWeeklies(listed, published, today);
  const loadedUntil = lastMonthlyEnd(published.map(releaseOf));
  const gaps = missingDays(listed, published, today);
  const monthly = newestMonthly(listed, today);
  const state = { monthly, published, loadedUntil, rule };
  const baseline = isBaselineDue(state, gaps) ? monthly : undefined;
  const coveredUntil = baseline?.release.periodEnd ?? loadedUntil;
  const reports = newestReport(listed, published, today);
  const superseded = [...past, ...reports].filter(({ release }) => release.periodEnd <= coveredUntil);
  const open = past.filter(({ release }) => release.periodEnd > coveredUntil);
  const openReports = reports.filter(({ release }) => release.periodEnd > coveredUntil);
  const openGaps = gaps
    .filter(({ end }) => end > coveredUntil)
    .map(({ start, end }) => ({ start: start > coveredUntil ? start : dayAfter(coveredUntil, 1), end }));
  const after = [...open.filter(isCurrent), ...openReports].sort(byRelease);
  const due = [...(baseline ? [baseline] : []), ...after];
  const warnings = [
    ...open
      .filter((weekly) => !isCurrent(weekly))
      .map(({ release }) => `${releaseName(release)} is an old weekly that a notice links: not loaded.`),
    ...openGaps.map(
      ({ start, end }) => `No weekly covers the days from ${start} to ${end}. A later monthly brings them.`,
    ),
  ];
  const remarks = [
    ...future.map(({ release }) => futureRemark(release)),
    ...warnings,
    ...(baseline ? [] : notLoaded(state, openGaps)),
    ...(due.length === 0 ? [nothingDue(weeklies.length)] : []),
  ];
  return { due, remarks, warnings, superseded, gaps: openGaps };
}

/** The days that neither a published release nor a listed weekly covers, counted from the last monthly. */
export function missingDays(
  listed: readonly ListedRelease[],
  published: readonly PublishedRelease[],
  today: string,
): Gap[] {
  const { past, isCurrent } = openWeeklies(listed, published, today);
  return missingWeeks(published.map(releaseOf), past.filter(isCurrent).map(releaseOf));
}

/** The listed weeklies, and the unpublished ones among them by whether their period is over. */
function openWeeklies(
  listed: readonly ListedRelease[],
  published: readonly PublishedRelease[],
  today: string,
) {
  const weeklies = preferred(listed.filter(({ release }) => release.kind === 'weekly'));
  const unpublished = weeklies.filter((weekly) => !isPublished(weekly, published));
  const oldest = oldestCurrent(weeklies, today);
  return {
    weeklies,
    future: unpublished.filter(({ release }) => release.periodEnd >= today),
    past: unpublished.filter(({ release }) => release.periodEnd < today),
    isCurrent: ({ release }: ListedRelease) =>
      release.periodEnd >= oldest || published.some((known) => known.release.periodEnd < release.periodEnd),
  };
}

/** Why a release whose period is not over is not loaded. */
export function futureRemark(release: Release): string {
  return `${releaseName(release)} covers days that are not over (until ${release.periodEnd}): not loaded yet.`;
}

/** The newest monthly on the page, and what decides whether it is due. */
interface BaselineState {
  readonly monthly: ListedRelease | undefined;
  readonly published: readonly PublishedRelease[];
  /** `lastMonthlyEnd` of the published releases. */
  readonly loadedUntil: string;
  readonly rule: BaselineRule;
}

/**
 * The newest deactivation report, unless it or a later one is published. Each report is the full list, so an older one
 * adds nothing. Returns no report or one.
 */
function newestReport(
  listed: readonly ListedRelease[],
  published: readonly PublishedRelease[],
  today: string,
): ListedRelease[] {
  const isReport = ({ release }: { readonly release: Release }) => release.kind === 'deactivation';
  const reports = listed.filter((found) => isReport(found) && found.release.periodEnd <= today);
  const newest = preferred(reports).at(-1);
  if (!newest || isPublished(newest, published)) return [];
  const isLater = ({ release }: PublishedRelease) => release.periodEnd > newest.release.periodEnd;
  return published.filter(isReport).some(isLater) ? [] : [newest];
}

/** The newest monthly whose period is over. If the page lists both layouts of a month, the wider one. */
export function newestMonthly(listed: readonly ListedRelease[], today: string): ListedRelease | undefined {
  const monthlies = listed.filter(({ release }) => release.kind === 'monthly' && release.periodEnd < today);
  return preferred(monthlies).at(-1);
}

function isBaselineDue(
  { monthly, published, loadedUntil, rule }: BaselineState,
  gaps: readonly Gap[],
): boolean {
  if (monthly === undefined || rule === 'never' || isPublished(monthly, published)) return false;
  const { periodEnd } = monthly.release;
  if (periodEnd < loadedUntil) return false;
  // The same month again is a new version of the loaded monthly.
  if (rule === 'replace' || loadedUntil === '' || periodEnd === loadedUntil) return true;
  return gaps.some(({ end }) => end <= periodEnd);
}

/** The last day of the newest published monthly. Without a monthly it is empty, which sorts before every date. */
export function lastMonthlyEnd(published: readonly Period[]): string {
  const ends = published.filter(({ kind }) => kind === 'monthly').map(({ periodEnd }) => periodEnd);
  return ends.sort().at(-1) ?? '';
}

/** The last day that a weekly or a monthly covers; undefined without one. A deactivation report covers no days. */
export function lastDay(periods: readonly Period[]): string | undefined {
  const covering = periods.filter(({ kind }) => kind !== 'deactivation');
  return covering
    .map(({ periodEnd }) => periodEnd)
    .sort()
    .at(-1);
}

/** Days that no release covers; ISO dates, both included. */
export interface Gap {
  readonly start: string;
  readonly end: string;
}

type Period = Pick<Release, 'kind' | 'periodStart' | 'periodEnd'>;
const releaseOf = ({ release }: { readonly release: Release }) => release;

/** The gaps between the releases that are published or still available, counted from the last monthly. */
export function missingWeeks(published: readonly Period[], available: readonly Period[] = []): Gap[] {
  const since = lastMonthlyEnd(published);
  const weeks = [...published, ...available]
    .filter(({ kind, periodEnd }) => kind === 'weekly' && periodEnd > since)
    .sort(compareReleases);
  const gaps: Gap[] = [];
  let coveredUntil = published.length === 0 ? '' : since;
  for (const { periodStart, periodEnd } of weeks) {
    const expected = coveredUntil === '' ? periodStart : dayAfter(coveredUntil, 1);
    if (periodStart > expected) gaps.push({ start: expected, end: dayAfter(periodStart, -1) });
    if (periodEnd > coveredUntil) coveredUntil = periodEnd;
  }
  return gaps;
}

/** The day that follows a day by `days`; before it when `days` is negative. */
export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);
}

/** Why the newest monthly is not due. That it is already published is reported only to a person who asks for it. */
function notLoaded({ monthly, published, loadedUntil, rule }: BaselineState, gaps: readonly Gap[]): string[] {
  const isAsked = rule === 'replace';
  if (!monthly) return isAsked ? [noMonthly] : [];
  const name = releaseName(monthly.release);
  if (isPublished(monthly, published))
    return isAsked
      ? [`${name} is already published with the same content: nothing to load. ${loadAgain}`]
      : [];
  if (monthly.release.periodEnd < loadedUntil)
    return [`${name} is on the page but not loaded: a later monthly is loaded.`];
  const because =
    gaps.length === 0
      ? 'the weeklies since the last monthly are complete'
      : 'it does not cover all missing days';
  const why = rule === 'never' ? 'NPI_BASELINE is never' : because;
  return [`${name} is on the page but not loaded (${why}). \`surgicase npi replace\` loads it.`];
}

/** What a person can do who asks for a release that is already published. */
export const loadAgain = 'To load published releases again, run `surgicase npi rebuild --from-archive`.';

/** The remark for a person who asks for the full registry. */
export const noMonthly = 'The page lists no monthly whose period is over.';

function nothingDue(count: number): string {
  if (count === 0) return 'Nothing to load: the page lists no weekly.';
  if (count === 1) return 'Nothing to load: there is one weekly on the page, and it is not new.';
  return `Nothing to load: there are ${count} weeklies on the page, and none of them is new.`;
}

/** One release for each period, oldest first. If the page lists both layouts of a period, the wider one. */
function preferred(releases: readonly ListedRelease[]): ListedRelease[] {
  const byPeriod = new Map<string, ListedRelease>();
  for (const listed of releases) {
    const known = byPeriod.get(listed.release.periodEnd);
    if (known === undefined || known.release.layout < listed.release.layout)
      byPeriod.set(listed.release.periodEnd, listed);
  }
  return Array.from(byPeriod.values()).sort(byRelease);
}

const byRelease = (a: ListedRelease, b: ListedRelease) => compareReleases(a.release, b.release);

/** Whether the tables hold this version of the release, or its period in the other layout. */
export function isPublished(listed: ListedRelease, published: readonly PublishedRelease[]): boolean {
  const { fileName, kind, periodEnd } = listed.release;
  const sameName = published.filter(({ release }) => release.fileName === fileName);
  if (sameName.length > 0) return sameName.some((known) => isSameVersion(listed, known));
  // Compares the periods in the names of both zips. The period of a published release comes from its member, and that
  // must not hide a zip on the page whose name has the same period.
  return published.some(({ release }) => {
    const named = parseReleaseName(release.fileName) ?? release;
    return named.kind === kind && named.periodEnd === periodEnd;
  });
}

/** What a server says about the content of a zip. */
export type ZipFacts = Pick<ListedRelease, 'etag' | 'sizeBytes'>;

/** A changed file under the same name is a new version of the release. An unknown ETag or length counts as equal. */
export function isSameVersion(listed: ZipFacts, known: ZipFacts): boolean {
  const isSameLength =
    listed.sizeBytes === undefined || known.sizeBytes === undefined || listed.sizeBytes === known.sizeBytes;
  const isSameTag =
    listed.etag === undefined || known.etag === undefined || strong(listed.etag) === strong(known.etag);
  return isSameLength && isSameTag;
}

// A proxy that compresses on the way marks the same ETag as weak.
const strong = (etag: string) => etag.replace(/^W\//, '');

function oldestCurrent(weeklies: readonly ListedRelease[], today: string): string {
  const newest = weeklies.at(-1)?.release.periodEnd ?? today;
  const reference = newest < today ? newest : today;
  return dayAfter(reference, -noticeAgeDays);
}
