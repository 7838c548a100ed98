import { compareReleases, releaseName, type Release, parseReleaseName } from './release.ts';

/** A release that the page offers; ETag and length as its server names them. */
export interface ListedRelease {
  readonly release: Release;
  readonly url: string;
  readonly etag?: string;
  readonly sizeBytes?: number;
}

/** A release that is in the tables, with what the page offered when it was downloaded. */
export interface PublishedRelease {
  readonly release: Release;
  readonly etag?: string;
  /** Absent where an earlier loader brought it (`surgicase db adopt`). */
  readonly sizeBytes?: number;
}

/** What is to be loaded in this order, and one sentence for each thing that a person should know about the rest. */
export interface Due {
  /** A monthly first, then what is applied after it, oldest first: weeklies, and the newest deactivation report. */
  readonly due: readonly ListedRelease[];
  readonly remarks: readonly string[];
  /** Weeklies and reports whose rows the monthly holds that is loaded, or about to be. */
  readonly superseded: readonly ListedRelease[];
  /** Days that no release holds and no monthly brings that is loaded, or about to be. */
  readonly gaps: readonly Gap[];
}

/**
 * When the newest monthly is due: `auto`, when none was loaded or weeklies are missing for good; `never`; `replace`, a
 * person asks for it.
 */
export type BaselineRule = 'auto' | 'never' | 'replace';

// The page keeps two to five weeklies; what is older by this stands in a notice (in 2023: four, nine months old).
const noticeAgeDays = 60;

/** Which releases are due, from what the page lists, what is published, and the date (ISO, UTC). */
export function dueReleases(
  listed: readonly ListedRelease[],
  published: readonly PublishedRelease[],
  today: string,
  rule: BaselineRule,
): Due {
  const weeklies = preferred(listed.filter(({ release }) => release.kind === 'weekly'));
  const unpublished = weeklies.filter((offer) => !isPublished(offer, published));
  const future = unpublished.filter(({ release }) => release.periodEnd >= today);
  const past = unpublished.filter(({ release }) => release.periodEnd < today);
  const oldest = oldestCurrent(weeklies, today);
  const isCurrent = ({ release }: ListedRelease) =>
    release.periodEnd >= oldest || published.some((known) => known.release.periodEnd < release.periodEnd);
  const gaps = missingWeeks(published.map(releaseOf), past.filter(isCurrent).map(releaseOf));
  const monthly = newestMonthly(listed, today);
  const baseline = isBaselineDue(monthly, published, gaps, rule) ? monthly : undefined;
  const coveredUntil = baseline?.release.periodEnd ?? lastMonthlyEnd(published.map(releaseOf));
  const reports = newestReport(listed, published, today);
  const superseded = [...past, ...reports].filter(({ release }) => release.periodEnd <= coveredUntil);
  const open = past.filter(({ release }) => release.periodEnd > coveredUntil);
  const openReports = reports.filter(({ release }) => release.periodEnd > coveredUntil);
  const openGaps = gaps
    .filter(({ end }) => end > coveredUntil)
    .map(({ start, end }) => ({ start: start > coveredUntil ? start : dayAfter(coveredUntil, 1), end }));
  const after = [...open.filter(isCurrent), ...openReports].sort(byRelease);
  const due = [...(baseline ? [baseline] : []), ...after];
  const remarks = [
    ...future.map(
      ({ release }) =>
        `${releaseName(release)} covers days to come (until ${release.periodEnd}): not yet loaded.`,
    ),
    ...open
      .filter((offer) => !isCurrent(offer))
      .map(({ release }) => `${releaseName(release)} is an old weekly from a notice: not loaded.`),
    ...openGaps.map(
      ({ start, end }) => `No weekly holds the days from ${start} to ${end}: a later monthly brings them.`,
    ),
    ...(baseline ? [] : notLoaded(monthly, published, openGaps, rule)),
    ...(due.length === 0 ? [nothingDue(weeklies.length)] : []),
  ];
  return { due, remarks, superseded, gaps: openGaps };
}

/**
 * The newest deactivation report, unless it or a later one is published: each is the full list, so an older one has
 * nothing to tell. None or one.
 */
function newestReport(
  listed: readonly ListedRelease[],
  published: readonly PublishedRelease[],
  today: string,
): ListedRelease[] {
  const isReport = ({ release }: { readonly release: Release }) => release.kind === 'deactivation';
  const reports = listed.filter((offer) => isReport(offer) && offer.release.periodEnd <= today);
  const newest = preferred(reports).at(-1);
  if (!newest || isPublished(newest, published)) return [];
  const isLater = ({ release }: PublishedRelease) => release.periodEnd > newest.release.periodEnd;
  return published.filter(isReport).some(isLater) ? [] : [newest];
}

/** The newest monthly whose period is over; of a month in both layouts the wider one. */
export function newestMonthly(listed: readonly ListedRelease[], today: string): ListedRelease | undefined {
  const monthlies = listed.filter(({ release }) => release.kind === 'monthly' && release.periodEnd < today);
  return preferred(monthlies).at(-1);
}

function isBaselineDue(
  monthly: ListedRelease | undefined,
  published: readonly PublishedRelease[],
  gaps: readonly Gap[],
  rule: BaselineRule,
): boolean {
  if (monthly === undefined || rule === 'never' || isPublished(monthly, published)) return false;
  const { periodEnd } = monthly.release;
  const loadedUntil = lastMonthlyEnd(published.map(releaseOf));
  if (periodEnd < loadedUntil) return false;
  // The same month again is a new version of what is loaded.
  if (rule === 'replace' || loadedUntil === '' || periodEnd === loadedUntil) return true;
  return gaps.some(({ end }) => end <= periodEnd);
}

/** Empty, and so before every date, while no monthly was published. */
export function lastMonthlyEnd(published: readonly Period[]): string {
  const ends = published.filter(({ kind }) => kind === 'monthly').map(({ periodEnd }) => periodEnd);
  return ends.sort().at(-1) ?? '';
}

/** Days that no release holds; ISO, both included. */
export interface Gap {
  readonly start: string;
  readonly end: string;
}

type Period = Pick<Release, 'kind' | 'periodStart' | 'periodEnd'>;
const releaseOf = ({ release }: { readonly release: Release }) => release;

/** What lies between the releases that are published, or can still be had, from the last monthly on. */
export function missingWeeks(published: readonly Period[], offered: readonly Period[] = []): Gap[] {
  const since = lastMonthlyEnd(published);
  const weeks = [...published, ...offered]
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

function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);
}

/** Why the newest monthly is not due; of one that is loaded only a person who asks for it is told. */
function notLoaded(
  monthly: ListedRelease | undefined,
  published: readonly PublishedRelease[],
  gaps: readonly Gap[],
  rule: BaselineRule,
): string[] {
  const isAsked = rule === 'replace';
  if (!monthly) return isAsked ? [noMonthly] : [];
  const name = releaseName(monthly.release);
  if (isPublished(monthly, published))
    return isAsked ? [`${name} is published already: the same content, nothing loaded.`] : [];
  if (monthly.release.periodEnd < lastMonthlyEnd(published.map(releaseOf)))
    return [`${name} is listed and not loaded: a later monthly is.`];
  const because =
    gaps.length === 0
      ? 'the weeklies since the last monthly are complete'
      : 'it does not hold all days that are missing';
  const why = rule === 'never' ? 'NPI_BASELINE is never' : because;
  return [`${name} is listed and not loaded (${why}); \`surgicase npi replace\` loads it.`];
}

/** For whoever asks for the full registry. */
export const noMonthly = 'The page lists no monthly whose period is over.';

function nothingDue(count: number): string {
  return count === 0
    ? 'Nothing is due: the page lists no weekly.'
    : `Nothing is due: of ${count} weeklies on the page none is new.`;
}

/** Oldest first; of a period in both layouts the wider one. */
function preferred(offers: readonly ListedRelease[]): ListedRelease[] {
  const byPeriod = new Map<string, ListedRelease>();
  for (const offer of offers) {
    const known = byPeriod.get(offer.release.periodEnd);
    if (known === undefined || known.release.layout < offer.release.layout)
      byPeriod.set(offer.release.periodEnd, offer);
  }
  return Array.from(byPeriod.values()).sort(byRelease);
}

const byRelease = (a: ListedRelease, b: ListedRelease) => compareReleases(a.release, b.release);

/** Whether this very offer is in the tables, or its period in the other layout. */
export function isPublished(offer: ListedRelease, published: readonly PublishedRelease[]): boolean {
  const { fileName, kind, periodEnd } = offer.release;
  const sameName = published.filter(({ release }) => release.fileName === fileName);
  if (sameName.length > 0) return sameName.some((known) => isSameOffer(offer, known));
  // By the names of both: what a member's name says of a published file must not hide the file that is named so.
  return published.some(({ release }) => {
    const named = parseReleaseName(release.fileName) ?? release;
    return named.kind === kind && named.periodEnd === periodEnd;
  });
}

/** A changed file under the same name is a new version of the release. What is not told, or not known, cannot differ. */
function isSameOffer(offer: ListedRelease, known: PublishedRelease): boolean {
  const isSameLength =
    offer.sizeBytes === undefined || known.sizeBytes === undefined || offer.sizeBytes === known.sizeBytes;
  const isSameTag = offer.etag === undefined || known.etag === undefined || offer.etag === known.etag;
  return isSameLength && isSameTag;
}

function oldestCurrent(weeklies: readonly ListedRelease[], today: string): string {
  const newest = weeklies.at(-1)?.release.periodEnd ?? today;
  const reference = newest < today ? newest : today;
  return dayAfter(reference, -noticeAgeDays);
}
