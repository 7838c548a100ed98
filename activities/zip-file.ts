import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DueRelease, DownloadedRelease } from '../contract/activities.ts';
import { publishedFiles } from '../db/ledger/releases.ts';
import { NppesError } from '../nppes/errors.ts';
import { isSameVersion, type ZipFacts } from '../nppes/page/due.ts';
import { zipFacts } from '../nppes/page/listing.ts';
import { downloadZip, type DownloadedZip } from '../nppes/transfer/download.ts';
import { readWholeNote, sha256Of } from '../nppes/transfer/whole-zip.ts';
import { testZip } from '../nppes/transfer/zip.ts';
import type { Attempt } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * The zip of a release on this host. It is downloaded into the work folder, unless it is whole there or in the archive and
 * the server still offers the same file.
 */
export async function fetchZip(
  deps: ActivityDeps,
  attempt: Attempt,
  due: DueRelease,
): Promise<DownloadedRelease> {
  const { signal, heartbeat, log } = attempt;
  const path = join(deps.workDir, due.release.fileName);
  const archived = await archivedZip(deps, attempt, due);
  if (archived) return { ...due, ...archived };
  const whole = await wholeZip(deps, attempt, due);
  if (whole) {
    log.info('the zip is here already; not downloaded again', { sha256: whole.sha256 });
    return { ...due, ...whole };
  }
  const zip = await downloadZip({
    url: due.url,
    path,
    signal,
    dispatcher: deps.dispatcher,
    onProgress: (bytes, totalBytes) =>
      heartbeat({ phase: 'download', bytes, ...(totalBytes !== undefined && { totalBytes }) }),
    test: (part) => testZip(part, signal),
  });
  return { ...due, ...zip };
}

/** Whether a rebuild loads this release: its address is the archive's own zip. */
export function isFromArchive({ archiveDir }: ActivityDeps, { release, url }: DueRelease): boolean {
  return url === pathToFileURL(join(archiveDir, release.fileName)).href;
}

/**
 * The zip in the archive, if that is what a rebuild loads. It keeps the ETag of its download, so that the next run does not
 * take the page's zip for a new version.
 */
async function archivedZip(
  deps: ActivityDeps,
  { signal }: Attempt,
  due: DueRelease,
): Promise<DownloadedZip | undefined> {
  const { fileName } = due.release;
  const path = join(deps.archiveDir, fileName);
  if (!isFromArchive(deps, due) || !existsSync(path)) return undefined;
  await testZip(path, signal);
  const sha256 = await sha256Of(path, signal);
  if (sha256 === undefined) return undefined;
  const published = await deps.database.session(signal, publishedFiles);
  const known = published.find((file) => file.fileName === fileName && file.sha256 === sha256);
  const etag = known?.etag ?? undefined;
  return { sha256, sizeBytes: (await stat(path)).size, ...(etag !== undefined && { etag }) };
}

/** The zip of a finished download or of the ledger, if the server still offers it and this host has it. */
async function wholeZip(
  deps: ActivityDeps,
  { signal }: Attempt,
  { release: { fileName }, url }: DueRelease,
): Promise<DownloadedZip | undefined> {
  const noted = await readWholeNote(join(deps.workDir, fileName));
  const published = await deps.database.session(signal, publishedFiles);
  const known = [
    ...(noted ? [noted] : []),
    ...published
      .filter((file) => file.fileName === fileName)
      .map(({ sha256, sizeBytes, etag }) => ({ sha256, sizeBytes, ...(etag !== null && { etag }) })),
  ];
  if (known.length === 0) return undefined;
  const offered = await zipFacts(url, { signal, dispatcher: deps.dispatcher });
  // Only an ETag says that the content is the same; two files may have the same length.
  const isOffered = (zip: ZipFacts) =>
    offered.etag !== undefined && zip.etag !== undefined && isSameVersion(offered, zip);
  for (const zip of known.filter(isOffered)) {
    if (await pathOf(deps, fileName, zip.sha256, signal)) return { ...zip, ...offered };
  }
  return undefined;
}

/** Where this host has the file with this content: the work folder, the archive, or nowhere. */
async function pathOf(
  { workDir, archiveDir }: ActivityDeps,
  fileName: string,
  sha256: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const folder of [workDir, archiveDir]) {
    const path = join(folder, fileName);
    if ((await sha256Of(path, signal)) === sha256) return path;
  }
  return undefined;
}

/**
 * The path of exactly this zip on this host: in the work folder, in the archive, or downloaded again. So any worker can
 * continue the run of another.
 * @throws NppesError ZipChanged when the server has a different file by now
 */
export async function ensureZip(
  deps: ActivityDeps,
  attempt: Attempt,
  zip: DownloadedRelease,
): Promise<string> {
  const { fileName } = zip.release;
  const path = await pathOf(deps, fileName, zip.sha256, attempt.signal);
  if (path !== undefined) return path;
  const again = await fetchZip(deps, attempt, zip);
  if (again.sha256 !== zip.sha256) {
    throw new NppesError('ZipChanged', `${zip.url} is no longer the file that this run downloaded.`);
  }
  return join(deps.workDir, fileName);
}

/** The folder of a run's ranges. Each run has its own, because loading a range deletes its file. */
export function rangeFolder(
  { workDir }: ActivityDeps,
  { release }: DownloadedRelease,
  runId: string,
): string {
  return join(workDir, `${release.fileName}.${runId}${rangesEnding}`);
}

const rangesEnding = '.ranges';

/** Removes range folders of dead runs. Call it only while no monthly is being loaded on this host. */
export async function removeRangeFolders({ workDir }: ActivityDeps): Promise<void> {
  const names = await readdir(workDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return [];
  });
  for (const name of names) {
    if (name.endsWith(rangesEnding)) await rm(join(workDir, name), { recursive: true, force: true });
  }
}
