import type { PublishedFile } from '../db/ledger/releases.ts';
import type { PublishedRelease } from '../nppes/page/due.ts';
import type { ReleaseKind } from '../nppes/page/release.ts';

/** The published files of the ledger, as the rules for what is due compare them with a page or an archive. */
export function knownReleases(files: readonly PublishedFile[]): PublishedRelease[] {
  return files.map(({ fileName, kind, layout, periodStart, periodEnd, etag, sizeBytes }) => {
    const release = {
      fileName,
      kind: kind as ReleaseKind,
      layout: layout as 'V1' | 'V2',
      periodStart,
      periodEnd,
    };
    return { release, ...(sizeBytes > 0 && { sizeBytes }), ...(etag !== null && { etag }) };
  });
}
