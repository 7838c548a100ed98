import { readFile } from 'node:fs/promises';
import { lineHeadBytes } from './range-files.ts';

/** The rows of one range that are loaded: of each NPI the one that wins inside the file, sorted by NPI. */
export interface RangeRows {
  /** Lines of the file that lost to another line of the same NPI. */
  readonly duplicates: number;
  /** Stubs, individuals, organizations. */
  readonly typeRows: readonly [number, number, number];
  /** The lines of one type in blocks that end with a line: TSV in the order of the wanted columns. */
  lines(type: 0 | 1 | 2): Generator<Buffer>;
  /** Calls `visit` for every line of a provider that is listed in the search tables. */
  forEachListed(visit: (line: Buffer, npi: number, type: 1 | 2) => void): void;
}

const blockBytes = 256 << 10;
// An NPI has ten digits and a range fewer lines than this, so both fit into the 53 bits of a double.
const mostLines = 1 << 20;

/** Reads the file of a range; one without a line has none. Memory is that of the file, and 16 bytes a line. */
export async function readRange(path: string, rowCount: number): Promise<RangeRows> {
  const bytes = rowCount === 0 ? Buffer.alloc(0) : await readFile(path);
  const offsets = lineOffsets(bytes, rowCount);
  const winners = chooseWinners(bytes, offsets);
  const typeRows: [number, number, number] = [0, 0, 0];
  for (const at of winners) typeRows[typeAt(bytes, at)] += 1;
  return {
    duplicates: rowCount - winners.length,
    typeRows,
    lines: (type) => linesOf(bytes, winners, type),
    forEachListed(visit) {
      for (const at of winners) {
        const type = typeAt(bytes, at);
        if (type !== 0 && bytes[at + 21] === 1) visit(lineAt(bytes, at), npiAt(bytes, at), type);
      }
    },
  };
}

const lengthAt = (bytes: Buffer, at: number) => bytes.readUInt32LE(at);
const rowNumberAt = (bytes: Buffer, at: number) => bytes.readUInt32LE(at + 4);
const npiAt = (bytes: Buffer, at: number) => bytes.readDoubleLE(at + 8);
const dateAt = (bytes: Buffer, at: number) => bytes.readUInt32LE(at + 16);
const typeAt = (bytes: Buffer, at: number) => bytes[at + 20] as 0 | 1 | 2;

function lineAt(bytes: Buffer, at: number): Buffer {
  const start = at + lineHeadBytes;
  return bytes.subarray(start, start + lengthAt(bytes, at));
}

function lineOffsets(bytes: Buffer, rowCount: number): Uint32Array {
  if (rowCount >= mostLines) {
    throw new Error(`A range of NPIs holds ${rowCount} lines; it is made for ${mostLines} at most.`);
  }
  const offsets = new Uint32Array(rowCount);
  let at = 0;
  for (let i = 0; i < rowCount; i++) {
    offsets[i] = at;
    at += lineHeadBytes + lengthAt(bytes, at);
  }
  if (at !== bytes.length) throw new Error(`A range's file has ${bytes.length} bytes instead of ${at}.`);
  return offsets;
}

/** Contract, rules 3 and 4; offsets of the winners in the order of their NPIs. */
function chooseWinners(bytes: Buffer, offsets: Uint32Array): Uint32Array {
  const order = Float64Array.from(offsets, (at, i) => npiAt(bytes, at) * mostLines + i).sort();
  const winners = new Uint32Array(offsets.length);
  let count = 0;
  let last = -1;
  for (const key of order) {
    const at = offsets[key % mostLines] ?? 0;
    const npi = Math.floor(key / mostLines);
    if (npi !== last) winners[count++] = at;
    else if (beats(bytes, at, winners[count - 1] ?? 0)) winners[count - 1] = at;
    last = npi;
  }
  return winners.subarray(0, count);
}

/** A full row beats a stub, then the newest date wins, then the later row. */
function beats(bytes: Buffer, one: number, other: number): boolean {
  const isFull = (at: number) => Number(typeAt(bytes, at) !== 0);
  const byKind = isFull(one) - isFull(other);
  const byDate = dateAt(bytes, one) - dateAt(bytes, other);
  return (byKind || byDate || rowNumberAt(bytes, one) - rowNumberAt(bytes, other)) > 0;
}

function* linesOf(bytes: Buffer, winners: Uint32Array, type: 0 | 1 | 2): Generator<Buffer> {
  let block = Buffer.allocUnsafeSlow(blockBytes);
  let used = 0;
  for (const at of winners) {
    if (typeAt(bytes, at) !== type) continue;
    const length = lengthAt(bytes, at);
    if (used > 0 && used + length > block.length) {
      yield block.subarray(0, used);
      block = Buffer.allocUnsafeSlow(Math.max(blockBytes, length));
      used = 0;
    }
    if (length > block.length) block = Buffer.allocUnsafeSlow(length);
    const start = at + lineHeadBytes;
    bytes.copy(block, used, start, start + length);
    used += length;
  }
  if (used > 0) yield block.subarray(0, used);
}
