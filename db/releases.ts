import type { Session } from './session.ts';

/** A published file as the ledger knows it; dates are ISO. */
export interface PublishedFile {
  readonly releaseId: number;
  readonly fileName: string;
  readonly kind: string;
  readonly layout: string;
  readonly periodStart: string;
  readonly periodEnd: string;
  readonly sha256: string;
  readonly etag: string | null;
  readonly sizeBytes: number;
}

const fields = `release_id AS releaseId, file_name AS fileName, kind, layout,
  DATE_FORMAT(period_start, '%Y-%m-%d') AS periodStart, DATE_FORMAT(period_end, '%Y-%m-%d') AS periodEnd,
  sha256, etag, size_bytes AS sizeBytes`;

/** Every published file, in the order of the releases. */
export function publishedFiles(session: Session): Promise<PublishedFile[]> {
  return session.query<PublishedFile>(`SELECT ${fields} FROM npi_release ORDER BY release_id`);
}

/** The file if this very content is published; its ETag and length are then brought up to what the page offers now. */
export async function findPublished(
  session: Session,
  file: { readonly fileName: string; readonly sha256: string; readonly etag?: string },
): Promise<PublishedFile | undefined> {
  const [found] = await session.query<PublishedFile>(
    `SELECT ${fields} FROM npi_release WHERE file_name = ? AND sha256 = ?`,
    [file.fileName, file.sha256],
  );
  if (found && file.etag !== undefined && file.etag !== found.etag) {
    await session.query('UPDATE npi_release SET etag = ? WHERE release_id = ?', [file.etag, found.releaseId]);
  }
  return found;
}

/**
 * The number of a file's place in the order of releases: end of period, a weekly before a monthly that ends on the
 * same day, and the version (a new content of the same release), 1 to 999.
 */
export async function nextReleaseId(session: Session, kind: string, periodEnd: string): Promise<number> {
  const day = Number(periodEnd.replaceAll('-', ''));
  const first = (day * 10 + (kind === 'monthly' ? 1 : 0)) * 1000;
  const [row] = await session.query<{ newest: number | null }>(
    'SELECT MAX(release_id) AS newest FROM npi_release WHERE release_id BETWEEN ? AND ?',
    [first, first + 999],
  );
  return (row?.newest ?? first) + 1;
}
