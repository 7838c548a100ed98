import type { RefusalReason } from './provider.ts';

/** A refused row and where it is. `npi` is present only if it has ten digits. */
export interface Refusal {
  readonly rowNumber: number;
  readonly lineNumber: number;
  readonly reason: RefusalReason;
  readonly npi?: string;
  readonly column?: string;
}

/** Facts about each line of a block, so that a loader need not parse it. Only the first `count` entries are valid. */
export interface RowLines {
  readonly count: number;
  /** Offset in `tsv` of the NPI, after the row number and its tab. */
  readonly starts: Uint32Array;
  /** Offset in `tsv` after the line break. */
  readonly ends: Uint32Array;
  readonly rowNumbers: Uint32Array;
  readonly npis: Float64Array;
  /** 0 for a deactivated stub, 1 for an individual, 2 for an organization. */
  readonly types: Uint8Array;
  /** Last Update Date, or NPI Deactivation Date for a stub, as YYYYMMDD; 0 if it is not MM/DD/YYYY. */
  readonly dates: Uint32Array;
  /** 0 for a deactivated provider (contract, rule 5), otherwise 1. */
  readonly isListed: Uint8Array;
}

/** Some thousand records, ready for LOAD DATA. Each line has its row number (from 1), then the wanted columns in order. */
export interface RowBlock {
  readonly tsv: Buffer;
  readonly lines: RowLines;
  readonly rows: number;
  readonly stagedRows: number;
  readonly refusals: readonly Refusal[];
  /** Number of records by entity type (blank, 1, 2), including refused records whose type could be read. */
  readonly typeRows: readonly [number, number, number];
  /** Row number of the block's last record; a later reading continues after it. */
  readonly lastRowNumber: number;
  /** Number of byte sequences that were not UTF-8, from the beginning of the file to somewhere after this block. */
  readonly badUtf8Count: number;
  /** Bytes of the member read so far, to somewhere after this block. */
  readonly readBytes: number;
  readonly newColumns: readonly string[];
}

/** What `RowLines` holds for one line. */
export interface LineKey {
  /** The first byte after the row number and its tab. */
  readonly lineStart: number;
  readonly lineEnd: number;
  readonly npi: number;
  readonly type: number;
  readonly date: number;
  readonly isListed: number;
}

/** A view that reads words of a buffer at any offset. */
export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * Copies the bytes from `start` to `end` of one buffer to `at` in another, four at a time. `Buffer.copy` allocates an object
 * for each call; with one call for each row, garbage collection takes a third of the time.
 */
export function copyBytes(from: DataView, start: number, end: number, to: DataView, at: number): void {
  const shift = at - start;
  let place = start;
  for (; place < end - 3; place += 4) to.setUint32(place + shift, from.getUint32(place));
  for (; place < end; place++) to.setUint8(place + shift, from.getUint8(place));
}

const tab = 0x09;
const bytesPerRow = 512;
const minBytes = 64 << 10;
/** A block that would need more memory than this ends early. */
const maxBytes = 16 << 20;

/** The memory of a block while it grows. It is reused for every block, to avoid garbage collection. */
export class BlockBuffer {
  /** Contains tabs from `length` on, so that the writer only skips a byte for an empty field. */
  tsv: Buffer;
  view: DataView;
  length = 0;
  rows = 0;
  lastRowNumber = 0;
  refusals: Refusal[] = [];
  typeRows: [number, number, number] = [0, 0, 0];
  readonly lines: RowLines & { count: number };
  readonly #rowsPerBlock: number;

  constructor(rowsPerBlock: number) {
    this.#rowsPerBlock = rowsPerBlock;
    const sizeBytes = Math.min(Math.max(rowsPerBlock * bytesPerRow, minBytes), maxBytes);
    this.tsv = Buffer.alloc(sizeBytes, tab);
    this.view = viewOf(this.tsv);
    this.lines = {
      count: 0,
      starts: new Uint32Array(rowsPerBlock),
      ends: new Uint32Array(rowsPerBlock),
      rowNumbers: new Uint32Array(rowsPerBlock),
      npis: new Float64Array(rowsPerBlock),
      types: new Uint8Array(rowsPerBlock),
      dates: new Uint32Array(rowsPerBlock),
      isListed: new Uint8Array(rowsPerBlock),
    };
  }

  get isFull(): boolean {
    return this.rows === this.#rowsPerBlock;
  }

  /** Makes room for `sizeBytes` more bytes. Returns false when they belong in the next block. */
  hasRoom(sizeBytes: number): boolean {
    const needed = this.length + sizeBytes;
    if (needed <= this.tsv.length) return true;
    if (needed > maxBytes && this.rows > 0) return false;
    const larger = Buffer.alloc(Math.max(this.tsv.length * 2, needed), tab);
    this.tsv.copy(larger, 0, 0, this.length);
    this.tsv = larger;
    this.view = viewOf(larger);
    return true;
  }

  /** Adds the line that was written directly after `length`. */
  addLine(rowNumber: number, { lineStart, lineEnd, npi, type, date, isListed }: LineKey): void {
    const { lines } = this;
    const at = lines.count++;
    lines.starts[at] = lineStart;
    lines.ends[at] = lineEnd;
    lines.rowNumbers[at] = rowNumber;
    lines.npis[at] = npi;
    lines.types[at] = type;
    lines.dates[at] = date;
    lines.isListed[at] = isListed;
    this.length = lineEnd;
  }

  /** Writes and adds a line of text. Returns false when it belongs in the next block. */
  write(rowNumber: number, line: string, key: Omit<LineKey, 'lineStart' | 'lineEnd'>): boolean {
    const start = `${rowNumber}\t`;
    if (!this.hasRoom(start.length + Buffer.byteLength(line))) return false;
    const lineStart = this.length + this.tsv.write(start, this.length);
    const lineEnd = lineStart + this.tsv.write(line, lineStart);
    this.addLine(rowNumber, { lineStart, lineEnd, ...key });
    return true;
  }

  /** Counts one record, staged or refused. `type` is not 0, 1 or 2 if it could not be read. */
  count(rowNumber: number, type: number): void {
    this.rows += 1;
    this.lastRowNumber = rowNumber;
    if (type === 0 || type === 1 || type === 2) this.typeRows[type] += 1;
  }

  /** Erases a line that was written up to `lineEnd` but not added. */
  erase(lineEnd: number): void {
    if (lineEnd > this.length) this.tsv.fill(tab, this.length, lineEnd);
  }

  /** The block so far. It shares this memory and is valid until `clear`. */
  finish(file: Pick<RowBlock, 'badUtf8Count' | 'readBytes' | 'newColumns'>): RowBlock {
    const { lines, rows, lastRowNumber, refusals, typeRows } = this;
    const tsv = this.tsv.subarray(0, this.length);
    return { tsv, lines, rows, stagedRows: lines.count, refusals, typeRows, lastRowNumber, ...file };
  }

  clear(): void {
    this.tsv.fill(tab, 0, this.length);
    this.length = 0;
    this.rows = 0;
    this.refusals = [];
    this.typeRows = [0, 0, 0];
    this.lines.count = 0;
  }
}
