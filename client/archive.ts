import { statSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { hasZip, publishedFiles, type PublishedFile } from '../db/ledger/releases.ts';
import type { Session } from '../db/connection/session.ts';

/** The newest published release whose zip entered an archive. */
export async function lastArchived(session: Session): Promise<PublishedFile | undefined> {
  return (await publishedFiles(session)).findLast(hasZip);
}

/**
 * Says that the archive of this host does not exist although releases were archived; undefined when it does. Only for a worker
 * of this host it is a fault.
 */
export function missingArchive(
  { archiveDir }: Config['nppes'],
  newest: PublishedFile | undefined,
): string | undefined {
  if (newest === undefined || isThere(archiveDir)) return undefined;
  return `${newest.fileName} is published, but ${archiveDir} does not exist: a run on this host fails with ArchiveMissing.`;
}

/** A folder that this user may not see counts as there: the worker may have another user. */
function isThere(folder: string): boolean {
  try {
    statSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
