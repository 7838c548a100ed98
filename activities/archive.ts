import { copyFile, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { DownloadedRelease, DueRelease } from '../contract/activities.ts';
import { hasZip, publishedFiles, type PublishedFile } from '../db/ledger/releases.ts';
import { makeFolder, renameDurably, syncFile } from '../nppes/durable.ts';
import { NppesError } from '../nppes/errors.ts';
import { compareReleases, parseReleaseName } from '../nppes/page/release.ts';
import { surplusReleases } from '../nppes/page/surplus.ts';
import { sized } from '../nppes/transfer/disk-space.ts';
import { discardWholeNote } from '../nppes/transfer/whole-zip.ts';
import { counted } from './counted.ts';
import type { Attempt } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { ensureZip } from './zip-file.ts';

/**
 * Why this host cannot add to the archive: its folder does not exist, although `earlier` releases were archived. Undefined
 * when it can. An existing folder is accepted even when it is empty, because a person may empty it or begin a new one.
 */
export async function archiveFault(
  { archiveDir }: ActivityDeps,
  earlier: readonly PublishedFile[],
): Promise<string | undefined> {
  const newest = earlier.findLast(hasZip);
  if (newest === undefined || (await exists(archiveDir))) return undefined;
  return (
    `The archive ${archiveDir} does not exist on the host ${hostname()}, but published releases, up to ${newest.fileName}, ` +
    'were archived before. Their zips are on another host, in another folder or on a disk that is not mounted. ' +
    `To begin a new archive here on purpose, run \`mkdir -p ${archiveDir}\`.`
  );
}

/**
 * Creates the archive when this is the first release that enters it.
 * @throws NppesError ArchiveMissing when the archive with the zips of `earlier` releases is somewhere else
 */
export async function openArchive(deps: ActivityDeps, earlier: readonly PublishedFile[]): Promise<void> {
  const fault = await archiveFault(deps, earlier);
  if (fault !== undefined) throw new NppesError('ArchiveMissing', fault);
  await makeFolder(deps.archiveDir);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}

/**
 * Moves a zip to the archive, even across file systems. When another host has downloaded it, this host downloads it first:
 * the archive of a published release is complete.
 * @throws NppesError as `ensureZip` and `openArchive`
 */
export async function archiveZip(
  deps: ActivityDeps,
  attempt: Attempt,
  zip: DownloadedRelease,
): Promise<void> {
  const { fileName } = zip.release;
  const to = join(deps.archiveDir, fileName);
  const published = await deps.database.session(attempt.signal, publishedFiles);
  const isOther = (file: PublishedFile) => file.fileName !== fileName || file.sha256 !== zip.sha256;
  await openArchive(deps, published.filter(isOther));
  const from = await ensureZip(deps, attempt, zip);
  if (from !== to) await move(from, to);
  await discardWholeNote(join(deps.workDir, fileName));
}

async function move(from: string, to: string): Promise<void> {
  try {
    await renameDurably(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(from, `${to}.part`);
    await syncFile(`${to}.part`);
    await renameDurably(`${to}.part`, to);
    await rm(from);
  }
}

/** Removes the zips that `NPI_ARCHIVE_KEEP` no longer keeps, and returns their names. */
export async function pruneArchive(deps: ActivityDeps): Promise<readonly string[]> {
  const surplus = await surplusZips(deps, []);
  for (const name of surplus) await rm(join(deps.archiveDir, name));
  return surplus;
}

/** The zips of the archive, oldest first, that `NPI_ARCHIVE_KEEP` no longer keeps once the archive also has `added`. */
async function surplusZips(
  { archiveDir, archiveKeepCount }: ActivityDeps,
  added: readonly string[],
): Promise<readonly string[]> {
  if (archiveKeepCount === undefined || !(await exists(archiveDir))) return [];
  const present = new Set(await readdir(archiveDir));
  const names = [...present, ...added.filter((name) => !present.has(name))];
  const releases = names.flatMap((name) => parseReleaseName(name) ?? []);
  return surplusReleases(releases, archiveKeepCount)
    .toSorted(compareReleases)
    .map(({ fileName }) => fileName)
    .filter((name) => present.has(name));
}

/** What a dry run says about the archive: why a run that loads would fail, or which zips it would remove. */
export async function archiveRemarks(
  deps: ActivityDeps,
  published: readonly PublishedFile[],
  due: readonly DueRelease[],
): Promise<readonly string[]> {
  const fault = await archiveFault(deps, published);
  if (fault !== undefined) return [`A run that loads would fail with ArchiveMissing. ${fault}`];
  const dueNames = due.map(({ release }) => release.fileName);
  const surplus = await surplusZips(deps, dueNames);
  return surplus.length === 0 ? [] : [await surplusRemark(deps, surplus)];
}

// The Web UI shows the remarks of a run in at most 20,000 bytes.
const namedCount = 20;

async function surplusRemark(
  { archiveDir, archiveKeepCount }: ActivityDeps,
  names: readonly string[],
): Promise<string> {
  const files = await Promise.all(names.map((name) => stat(join(archiveDir, name))));
  const size = sized(files.reduce((sum, file) => sum + file.size, 0));
  const zips = counted(names.length, 'zip');
  const more = names.length > namedCount ? `, and ${names.length - namedCount} newer ones` : '';
  return (
    `NPI_ARCHIVE_KEEP=${archiveKeepCount}: the next run that loads a release removes ${zips} from the archive (${size}): ` +
    `${names.slice(0, namedCount).join(', ')}${more}.`
  );
}
