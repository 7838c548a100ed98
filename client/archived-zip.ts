import { join } from 'node:path';
import { npiColumns } from '../db/schema/npi-columns.ts';
import type { PublishedFile } from '../db/ledger/releases.ts';
import { readDeactivations, reportMember } from '../nppes/report/deactivation.ts';
import { releaseName } from '../nppes/page/release.ts';
import type { RowBlock } from '../nppes/rows/row-block.ts';
import { readRows } from '../nppes/rows/row-stream.ts';
import { sized } from '../nppes/transfer/disk-space.ts';
import { sha256Of } from '../nppes/transfer/whole-zip.ts';
import { npidataMember, openZip } from '../nppes/transfer/zip.ts';
import type { Terminal } from './terminal.ts';

/** The path of an archived zip, or why the zip of the release cannot be read on this host. */
export type ArchivedZip = { readonly path: string } | { readonly fault: string };

const never = new AbortController().signal;
const rowsPerBlock = 5000;

/** Finds the zip of a published release in the archive of this host, and compares its sha256 with the ledger's. */
export async function findArchived(
  archiveDir: string,
  { fileName, sha256 }: PublishedFile,
  terminal: Terminal,
): Promise<ArchivedZip> {
  const path = join(archiveDir, fileName);
  terminal.progress(`checking the sha256 of ${fileName}`);
  const found = await sha256Of(path, never).catch((error: unknown) => error as Error);
  if (found instanceof Error) return { fault: `${path} cannot be read: ${found.message}` };
  if (found === sha256) return { path };
  const fault =
    found === undefined
      ? `the zip is not in ${archiveDir} on this host: NPI_ARCHIVE_KEEP has removed it, another host has it, or its run has not archived it yet`
      : `${path} has the sha256 ${found}, not ${sha256}: it is another version of the release, or it has changed`;
  return { fault };
}

/** A block of rows, and the member that it comes from. */
export interface ArchivedBlock {
  readonly member: string;
  readonly block: RowBlock;
}

/**
 * Reads the rows of an archived zip as a load does, from the first to the last, and shows its progress. A block is valid
 * until the next one is requested.
 * @throws NppesError
 */
export async function* archivedRows(
  path: string,
  release: PublishedFile,
  terminal: Terminal,
): AsyncGenerator<ArchivedBlock> {
  const opened = await openZip(path);
  try {
    const isReport = release.kind === 'deactivation';
    const member = isReport ? reportMember(opened) : npidataMember(opened);
    const input = { wanted: npiColumns, rowsPerBlock, afterRow: 0 };
    const blocks = isReport
      ? readDeactivations({ ...input, member })
      : readRows({ ...input, member: await member.open() });
    const step = `reading ${releaseName(release)}`;
    const total = sized(member.sizeBytes);
    terminal.progress(step, step);
    for await (const block of blocks) {
      terminal.progress(`${step}: ${sized(block.readBytes)} of ${total}`, step);
      yield { member: member.name, block };
    }
  } finally {
    opened.close();
  }
}
