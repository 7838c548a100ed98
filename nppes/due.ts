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
  readonly sizeBytes: number;
}

/** What is to be loaded, oldest first, and one sentence for each thing that a person should know about the rest. */
export interface Due {
  readonly due: readonly ListedRelease[];
  readonly remarks: readonly string[];
}

// The page keeps two to five weeklies; what is older by this stands in a notice (in 2023: four, nine months old).
const noticeAgeDays = 60;

/** Which releases are due, from what the page lists, what is published, and the date (ISO, UTC). */
export function dueReleases(
  listed: readonly ListedRelease[],
  published: readonly PublishedRelease[],
  today: string,
): Due {
  const weeklies = preferred(listed.filter(({ release }) => release.kind === 'weekly'));
  const unpublished = weeklies.filter((offer) => !isPublished(offer, published));
  const future = unpublished.filter(({ release }) => release.periodEnd >= today);
  const past = unpublished.filter(({ release }) => release.periodEnd < today);
  const oldest = oldestCurrent(weeklies, today);
  const isCurrent = ({ release }: ListedRelease) =>
    release.periodEnd >= oldest || published.some((known) => known.release.periodEnd < release.periodEnd);
  const due = past.filter(isCurrent);
  const remarks = [
    ...future.map(
      ({ release }) =>
        `${releaseName(release)} covers days to come (until ${release.periodEnd}): not yet loaded.`,
    ),
    ...past
      .filter((offer) => !isCurrent(offer))
      .map(({ release }) => `${releaseName(release)} is an old weekly from a notice: not loaded.`),
    ...listed
      .filter(({ release }) => release.kind === 'monthly')
      .map(({ release }) => `${releaseName(release)} is listed; this version loads weeklies only.`),
    ...(due.length === 0 ? [nothingDue(weeklies.length)] : []),
  ];
  return { due, remarks };
}

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
  return Array.from(byPeriod.values()).sort((a, b) => compareReleases(a.release, b.release));
}

function isPublished(offer: ListedRelease, published: readonly PublishedRelease[]): boolean {
  const { fileName, kind, periodEnd } = offer.release;
  const sameName = published.filter(({ release }) => release.fileName === fileName);
  if (sameName.length > 0) return sameName.some((known) => isSameOffer(offer, known));
  // By the names of both: what a member's name says of a published file must not hide the file that is named so.
  return published.some(({ release }) => {
    const named = parseReleaseName(release.fileName) ?? release;
    return named.kind === kind && named.periodEnd === periodEnd;
  });
}

/** A changed file under the same name is a new version of the release. What a server does not tell cannot differ. */
function isSameOffer(offer: ListedRelease, known: PublishedRelease): boolean {
  const isSameLength = offer.sizeBytes === undefined || offer.sizeBytes === known.sizeBytes;
  const isSameTag = offer.etag === undefined || known.etag === undefined || offer.etag === known.etag;
  return isSameLength && isSameTag;
}

function oldestCurrent(weeklies: readonly ListedRelease[], today: string): string {
  const newest = weeklies.at(-1)?.release.periodEnd ?? today;
  const reference = newest < today ? newest : today;
  return new Date(Date.parse(reference) - noticeAgeDays * 86_400_000).toISOString().slice(0, 10);
}
