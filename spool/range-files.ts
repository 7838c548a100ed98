import { close, fsync, open, write } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeFolder, writeDurably } from '../nppes/durable.ts';
import { rangeFinder } from './npi-ranges.ts';
import { copyBytes, viewOf, type RowBlock } from '../nppes/rows/row-block.ts';

/**
 * Size of the head of a line in a range's file: length of the line (4 bytes), row number (4), NPI (8, a double), date as
 * YYYYMMDD (4), type (1), whether the provider is listed (1), padding (2).
 */
export const lineHeadBytes = 24;

const buffersBytes = 12 << 20;
const smallestBufferBytes = 16 << 10;
const files = {
  open: promisify(open),
  write: promisify(write),
  sync: promisify(fsync),
  close: promisify(close),
};

/** A complete split of a member: the folder with the files of its ranges, and the number of rows in each. */
export interface Split {
  readonly folder: string;
  readonly rangeRows: readonly number[];
}

export const rangePath = (folder: string, number: number) => join(folder, `range-${number}.rows`);
const splitPath = (folder: string) => join(folder, 'split.json');
const splitName = (attempt: number) => `split-${attempt}`;

/** The attempts that have started a split in a folder, oldest first. */
async function splitAttempts(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(noneWhereAbsent);
  return names
    .flatMap((name) => /^split-(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** The complete split into exactly `rangeCount` ranges in a folder, if there is one. */
export async function readSplit(folder: string, rangeCount: number): Promise<Split | undefined> {
  for (const attempt of await splitAttempts(folder)) {
    const own = join(folder, splitName(attempt));
    const text = await readFile(splitPath(own), 'utf8').catch(noneWhereAbsent);
    if (typeof text !== 'string') continue;
    const { rangeRows } = JSON.parse(text) as Pick<Split, 'rangeRows'>;
    if (rangeRows.length === rangeCount) return { folder: own, rangeRows };
  }
  return undefined;
}

function noneWhereAbsent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

/** Removes the file of a range after it was loaded. */
export const removeRange = (path: string) => rm(path, { force: true });

/** Distributes the lines of blocks to one file for each range of NPIs, in the order of the member. */
export interface RangeWriter {
  /** Adds the lines of a block. The caller may reuse the block when the promise has resolved. */
  add(block: Pick<RowBlock, 'tsv' | 'lines'>): Promise<void>;
  /** Completes the split, so that `readSplit` finds it. Its files are on disk before that, also if the power fails. */
  finish(): Promise<Split>;
  /** Closes all files, whether the split is complete or not. */
  close(): Promise<void>;
}

/**
 * Starts a new split in this attempt's own folder and removes the splits of earlier attempts. An earlier attempt that still
 * runs fails, because its folder is gone. The writer needs about 12 MB of memory for a member of any size.
 */
export async function openRangeWriter(
  parent: string,
  rangeCount: number,
  attempt: number,
): Promise<RangeWriter> {
  for (const earlier of (await splitAttempts(parent)).filter((begun) => begun <= attempt)) {
    await rm(join(parent, splitName(earlier)), { recursive: true, force: true });
  }
  const folder = join(parent, splitName(attempt));
  await makeFolder(folder);
  const rangeOf = rangeFinder(rangeCount);
  const pool = bufferPool(Math.max(smallestBufferBytes, Math.floor(buffersBytes / rangeCount)));
  const ranges = Array.from({ length: rangeCount }, (_, number) =>
    rangeFile(rangePath(folder, number), pool),
  );
  const inTurn = async (step: (range: RangeFile) => Promise<void>) => {
    for (const range of ranges) await step(range);
  };
  return {
    async add({ tsv, lines }) {
      const view = viewOf(tsv);
      for (let i = 0; i < lines.count; i++) ranges[rangeOf(lines.npis[i] ?? 0)]?.add(view, lines, i);
      await inTurn((range) => range.written());
    },
    async finish() {
      await inTurn((range) => range.flush());
      const rangeRows = ranges.map((range) => range.rowCount());
      await writeDurably(splitPath(folder), JSON.stringify({ rangeRows }));
      return { folder, rangeRows };
    },
    close: () => inTurn((range) => range.close()),
  };
}

interface PooledBuffer {
  readonly bytes: Buffer;
  readonly view: DataView;
}

type BufferPool = ReturnType<typeof bufferPool>;

/** Reuses buffers of one size. New buffers for every write would add up to gigabytes of garbage. */
function bufferPool(bufferBytes: number) {
  const free: PooledBuffer[] = [];
  const create = (sizeBytes: number): PooledBuffer => {
    const bytes = Buffer.allocUnsafeSlow(sizeBytes);
    return { bytes, view: viewOf(bytes) };
  };
  return {
    take: (atLeastBytes: number) =>
      (atLeastBytes <= bufferBytes ? free.pop() : undefined) ?? create(Math.max(bufferBytes, atLeastBytes)),
    give(buffer: PooledBuffer) {
      if (buffer.bytes.length === bufferBytes) free.push(buffer);
    },
  };
}

type RangeFile = ReturnType<typeof rangeFile>;

/** The file of one range. It is created with its first line. */
function rangeFile(path: string, pool: BufferPool) {
  let buffer: PooledBuffer | undefined;
  let used = 0;
  let rows = 0;
  let descriptor: number | undefined;
  let writing: Promise<void> | undefined;

  async function writeOut(full: PooledBuffer, length: number): Promise<void> {
    descriptor ??= await files.open(path, 'w');
    for (let at = 0; at < length;)
      at += (await files.write(descriptor, full.bytes, at, length - at)).bytesWritten;
    pool.give(full);
  }

  function send(): void {
    if (buffer === undefined) return;
    const [full, length] = [buffer, used];
    writing = (writing ?? Promise.resolve()).then(() => writeOut(full, length));
    // `written` or `flush` reports the error. Until then it must not count as an unhandled rejection.
    writing.catch(() => undefined);
    buffer = undefined;
    used = 0;
  }

  return {
    rowCount: () => rows,
    add(tsv: DataView, lines: RowBlock['lines'], i: number): void {
      const [start, end] = [lines.starts[i] ?? 0, lines.ends[i] ?? 0];
      const bytes = lineHeadBytes + end - start;
      if (buffer !== undefined && used + bytes > buffer.bytes.length) send();
      buffer ??= pool.take(bytes);
      const { view } = buffer;
      view.setUint32(used, end - start);
      view.setUint32(used + 4, lines.rowNumbers[i] ?? 0);
      view.setFloat64(used + 8, lines.npis[i] ?? 0);
      view.setUint32(used + 16, lines.dates[i] ?? 0);
      view.setUint8(used + 20, lines.types[i] ?? 0);
      view.setUint8(used + 21, lines.isListed[i] ?? 0);
      copyBytes(tsv, start, end, view, used + lineHeadBytes);
      used += bytes;
      rows += 1;
    },
    async written(): Promise<void> {
      await writing;
      writing = undefined;
    },
    async flush(): Promise<void> {
      send();
      await writing;
      if (descriptor !== undefined) await files.sync(descriptor);
    },
    async close(): Promise<void> {
      await writing?.catch(() => undefined);
      if (descriptor !== undefined) await files.close(descriptor);
      descriptor = undefined;
    },
  };
}
