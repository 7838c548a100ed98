import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DueRelease, DownloadedRelease } from '../contract/activities.ts';
import { downloadZip } from '../nppes/transfer/download.ts';
import { NppesError } from '../nppes/errors.ts';
import { parseReleaseName } from '../nppes/page/release.ts';
import { testZip } from '../nppes/transfer/zip.ts';
import type { Attempt } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';

/** Downloads a zip into the work folder, unless it is already complete there. */
export async function fetchZip(
  deps: ActivityDeps,
  { signal, heartbeat }: Attempt,
  due: DueRelease,
): Promise<DownloadedRelease> {
  const path = join(deps.workDir, due.release.fileName);
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
  for (const folder of [deps.workDir, deps.archiveDir]) {
    const path = join(folder, zip.release.fileName);
    if ((await sha256Of(path, attempt.signal)) === zip.sha256) return path;
  }
  const again = await fetchZip(deps, attempt, zip);
  if (again.sha256 !== zip.sha256) {
    throw new NppesError('ZipChanged', `${zip.url} is no longer the file that this run downloaded.`);
  }
  return join(deps.workDir, zip.release.fileName);
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

async function sha256Of(path: string, signal: AbortSignal): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash, { signal });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}

/** Moves a zip from the work folder to the archive, even across file systems. Does nothing when it is already there. */
export async function archiveZip(
  deps: ActivityDeps,
  { release: { fileName } }: DownloadedRelease,
): Promise<void> {
  const [from, to] = [join(deps.workDir, fileName), join(deps.archiveDir, fileName)];
  await mkdir(deps.archiveDir, { recursive: true });
  try {
    await rename(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code !== 'EXDEV') throw error;
    await copyFile(from, `${to}.part`);
    await rename(`${to}.part`, to);
    await rm(from);
  }
}

/** Of each kind of release, removes the oldest zips beyond the number to keep. */
export async function pruneArchive({
  archiveDir,
  archiveKeepCount,
}: ActivityDeps): Promise<readonly string[]> {
  if (archiveKeepCount === undefined) return [];
  const releases = (await readdir(archiveDir)).flatMap((name) => parseReleaseName(name) ?? []);
  const surplus = (['weekly', 'monthly', 'deactivation'] as const).flatMap((kind) =>
    releases
      .filter((release) => release.kind === kind)
      .sort((a, b) => b.periodEnd.localeCompare(a.periodEnd))
      .slice(archiveKeepCount),
  );
  for (const { fileName } of surplus) await rm(join(archiveDir, fileName));
  return surplus.map(({ fileName }) => fileName);
}
