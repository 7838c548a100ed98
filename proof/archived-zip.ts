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

/** The path of an archived zip, or why the zip of the release cannot be read on this host. */
export type ArchivedZip = { readonly path: string } | { readonly fault: string };

/** Shows what is read: `step` stays the same while the counts in `text` grow. */
export type ShowProgress = (text: string, step?: string) => void;

/** A block of rows, and the member that it comes from. */
export interface ArchivedBlock {
  readonly member: string;
  readonly block: RowBlock;
}

const rowsPerBlock = 5000;

/** The archive of this host. What reads it ends with the reason of `signal` when that aborts. */
export class Archive {
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #show: ShowProgress;
  /** By release ID, because the sha256 of a monthly takes seconds. */
  readonly #found = new Map<number, ArchivedZip>();

  constructor(folder: string, signal: AbortSignal, show: ShowProgress) {
    this.#folder = folder;
    this.#signal = signal;
    this.#show = show;
  }

  /** Finds the zip of a published release, and compares its sha256 with the ledger's. */
  async find(release: PublishedFile): Promise<ArchivedZip> {
    const found = this.#found.get(release.releaseId) ?? (await this.#lookFor(release));
    this.#found.set(release.releaseId, found);
    return found;
  }

  async #lookFor({ fileName, sha256 }: PublishedFile): Promise<ArchivedZip> {
    const path = join(this.#folder, fileName);
    this.#show(`checking the sha256 of ${fileName}`);
    const found = await sha256Of(path, this.#signal).catch((error: unknown) => error as Error);
    this.#signal.throwIfAborted();
    if (found instanceof Error) return { fault: `${path} cannot be read: ${found.message}` };
    if (found === sha256) return { path };
    const fault =
      found === undefined
        ? `the zip is not in ${this.#folder} on this host: NPI_ARCHIVE_KEEP has removed it, another host has it, or its run has not archived it yet`
        : `${path} has the sha256 ${found}, not ${sha256}: it is another version of the release, or it has changed`;
    return { fault };
  }

  /**
   * Reads the rows of a zip that was found as a load does, from the first to the last, and shows its progress. A block is
   * valid until the next one is requested.
   * @throws NppesError
   */
  async *rows(path: string, release: PublishedFile): AsyncGenerator<ArchivedBlock> {
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
      this.#show(step, step);
      for await (const block of blocks) {
        this.#signal.throwIfAborted();
        this.#show(`${step}: ${sized(block.readBytes)} of ${total}`, step);
        yield { member: member.name, block };
      }
    } finally {
      opened.close();
    }
  }
}
