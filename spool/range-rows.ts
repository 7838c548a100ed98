import { open } from 'node:fs/promises';
import { copyBytes, viewOf } from '../nppes/rows/row-block.ts';
import { lineHeadBytes } from './range-files.ts';
import { readFully } from './read-fully.ts';

/** The rows of one range that are loaded, sorted by NPI: for each NPI the line that wins inside the file. */
export interface RangeRows {
  /** The number of lines that lost to another line with the same NPI. */
  readonly duplicates: number;
  /** The number of stubs, individuals and organizations. */
  readonly typeRows: readonly [number, number, number];
  /**
   * The lines of one type, in blocks of complete lines: TSV in the order of the wanted columns. The blocks are valid until the
   * lines of another type are asked for.
   */
  lines(type: 0 | 1 | 2): Generator<Buffer>;
  /** Calls `visit` for every provider that belongs in the search tables, with its line, NPI and type. */
  forEachListed(visit: (line: LinePlace, npi: number, type: 1 | 2) => void): void;
}

/** Where a line is in the bytes of its range. The same object is reused for every call. */
export interface LinePlace {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Memory for one range at a time. New buffers for each range would add up to gigabytes of garbage. */
export interface RangeMemory {
  /** Holds the file of the range. */
  file: Buffer;
  /** Holds the lines of one type in their order. */
  lines: Buffer;
}

export const rangeMemory = (): RangeMemory => ({ file: Buffer.alloc(0), lines: Buffer.alloc(0) });

const blockBytes = 256 << 10;
// The NPIs of a range are less than 2^33 apart (npi-ranges.ts) and it has fewer lines than this, so the distance to the
// smallest NPI and the line together fit into the 53 bits of a double. ranges.test.ts "places every ten-digit NPI" checks it.
const mostLines = 1 << 20;

/**
 * Reads the file of a range; a range without lines has no file. Needs twice the size of the file and 16 bytes per line in memory.
 * The rows are valid until the next range is read into the same `memory`.
 */
export async function readRange(
  path: string,
  rowCount: number,
  memory: RangeMemory = rangeMemory(),
): Promise<RangeRows> {
  const bytes = rowCount === 0 ? Buffer.alloc(0) : await readInto(memory, path);
  const view = viewOf(bytes);
  const winners = chooseWinners(view, lineOffsets(view, rowCount));
  const typeRows: [number, number, number] = [0, 0, 0];
  for (const at of winners) typeRows[typeAt(view, at)] += 1;
  return {
    duplicates: rowCount - winners.length,
    typeRows,
    lines: (type) => linesOf(view, winners, { type, memory }),
    forEachListed(visit) {
      const line = { bytes, start: 0, end: 0 };
      for (const at of winners) {
        const type = typeAt(view, at);
        if (type === 0 || view.getUint8(at + 21) !== 1) continue;
        line.start = at + lineHeadBytes;
        line.end = line.start + lengthAt(view, at);
        visit(line, npiAt(view, at), type);
      }
    },
  };
}

async function readInto(memory: RangeMemory, path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    memory.file = atLeast(memory.file, size);
    const bytes = memory.file.subarray(0, size);
    await readFully(file, bytes, 0, `The file of a range became shorter while it was read: ${path}.`);
    return bytes;
  } finally {
    await file.close();
  }
}

const atLeast = (buffer: Buffer, sizeBytes: number) =>
  buffer.length < sizeBytes ? Buffer.allocUnsafeSlow(sizeBytes) : buffer;

const lengthAt = (view: DataView, at: number) => view.getUint32(at);
const rowNumberAt = (view: DataView, at: number) => view.getUint32(at + 4);
const npiAt = (view: DataView, at: number) => view.getFloat64(at + 8);
const dateAt = (view: DataView, at: number) => view.getUint32(at + 16);
const typeAt = (view: DataView, at: number) => view.getUint8(at + 20) as 0 | 1 | 2;

function lineOffsets(view: DataView, rowCount: number): Uint32Array {
  if (rowCount >= mostLines) {
    throw new Error(`A range of NPIs has ${rowCount} lines, but can have at most ${mostLines}.`);
  }
  const offsets = new Uint32Array(rowCount);
  let at = 0;
  for (let i = 0; i < rowCount; i++) {
    offsets[i] = at;
    at += lineHeadBytes + lengthAt(view, at);
  }
  if (at !== view.byteLength) {
    throw new Error(`The file of a range has ${view.byteLength} bytes instead of ${at}.`);
  }
  return offsets;
}

/** The offsets of the winning lines, in the order of their NPIs (contract, rules 3 and 4). */
function chooseWinners(view: DataView, offsets: Uint32Array): Uint32Array {
  const smallest = offsets.reduce((least, at) => Math.min(least, npiAt(view, at)), Infinity);
  const order = Float64Array.from(offsets, (at, i) => (npiAt(view, at) - smallest) * mostLines + i).sort();
  const winners = new Uint32Array(offsets.length);
  let count = 0;
  let last = -1;
  for (const key of order) {
    const at = offsets[key % mostLines] ?? 0;
    const distance = Math.floor(key / mostLines);
    if (distance !== last) winners[count++] = at;
    else if (beats(view, at, winners[count - 1] ?? 0)) winners[count - 1] = at;
    last = distance;
  }
  return winners.subarray(0, count);
}

/** A full row beats a stub. Between two of a kind the newer date wins, and between equal dates the later row. */
function beats(view: DataView, one: number, other: number): boolean {
  const isFull = (at: number) => Number(typeAt(view, at) !== 0);
  const byKind = isFull(one) - isFull(other);
  const byDate = dateAt(view, one) - dateAt(view, other);
  return (byKind || byDate || rowNumberAt(view, one) - rowNumberAt(view, other)) > 0;
}

function* linesOf(
  view: DataView,
  winners: Uint32Array,
  { type, memory }: { readonly type: 0 | 1 | 2; readonly memory: RangeMemory },
): Generator<Buffer> {
  const ordered = atLeast(memory.lines, view.byteLength);
  memory.lines = ordered;
  const into = viewOf(ordered);
  let [start, end] = [0, 0];
  for (const at of winners) {
    if (typeAt(view, at) !== type) continue;
    const [from, length] = [at + lineHeadBytes, lengthAt(view, at)];
    if (end > start && end + length - start > blockBytes) {
      yield ordered.subarray(start, end);
      start = end;
    }
    copyBytes(view, from, from + length, into, end);
    end += length;
  }
  if (end > start) yield ordered.subarray(start, end);
}
