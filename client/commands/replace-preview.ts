import { resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { noMonthly, type ListedRelease } from '../../nppes/page/due.ts';
import { estimateMonthly, type MonthlyEstimate } from '../../spool/estimate.ts';
import { freeBytesIn, sized } from '../../nppes/transfer/disk-space.ts';
import { releaseName } from '../../nppes/page/release.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { offeredMonthly } from '../offered.ts';
import { aboutMinutes, grouped } from '../numbers.ts';
import { outgoing } from '../../worker/outgoing.ts';
import type { Terminal } from '../terminal.ts';

interface Folder {
  readonly name: 'NPI_WORK_DIR' | 'NPI_ARCHIVE_DIR';
  readonly path: string;
  readonly neededBytes: number;
  readonly freeBytes: number;
}

/** `surgicase npi replace --dry-run`: shows what loading the newest monthly takes. Asks only the page and this host's disk. */
export async function previewReplace({ nppes, proxies }: Config, terminal: Terminal): Promise<number> {
  const monthly = await offeredMonthly(nppes.url, {
    signal: new AbortController().signal,
    dispatcher: outgoing(proxies),
  });
  if (!monthly) throw new CommandError(exitCodes.failed, noMonthly);
  const estimate = estimateMonthly(monthly.sizeBytes);
  const folders = [
    await folderOf('NPI_WORK_DIR', nppes.workDir, estimate.workBytes),
    await folderOf('NPI_ARCHIVE_DIR', nppes.archiveDir, estimate.archiveBytes),
  ];
  const { release, url, sizeBytes } = monthly;
  const answer = { release: releaseName(release), url, sizeBytes: sizeBytes ?? null, estimate, folders };
  terminal.answer(answer, previewLines(monthly, estimate, folders));
  return exitCodes.done;
}

async function folderOf(name: Folder['name'], folder: string, neededBytes: number): Promise<Folder> {
  const path = resolve(folder);
  return { name, path, neededBytes, freeBytes: await freeBytesIn(path) };
}

function previewLines(
  { release, sizeBytes }: ListedRelease,
  { rows, csvBytes, tableBytes, loadSeconds }: MonthlyEstimate,
  folders: readonly Folder[],
): string[] {
  const size =
    sizeBytes === undefined
      ? 'size unknown; estimated from the monthly of September 2026'
      : `${sized(sizeBytes)} zip`;
  return [
    `${releaseName(release)} (${size}): about ${grouped(rows)} rows, ${sized(csvBytes)} of CSV`,
    ...folders.map(
      ({ name, path, neededBytes, freeBytes }) =>
        `  ${name.padEnd(15)}  needs ${sized(neededBytes)}, ${sized(freeBytes)} free in ${path}`,
    ),
    `  ${'MySQL'.padEnd(15)}  needs ${sized(tableBytes)} for the new tables; the old tables stay until the swap, so ` +
      `${sized(2 * tableBytes)} in total if a monthly is already loaded`,
    `  ${'time'.padEnd(15)}  ${aboutMinutes(loadSeconds)} on two cores, after the download`,
    ...folders.filter(({ neededBytes, freeBytes }) => neededBytes > freeBytes).map(shortageLine),
    "These are the folders on this host; a run uses the folders on the worker's host. Nothing was loaded.",
  ];
}

function shortageLine({ name, neededBytes, freeBytes }: Folder): string {
  return `WARNING: not enough disk space: ${name} needs ${sized(neededBytes - freeBytes)} more. Free space, or set ${name} to a folder on another disk.`;
}
