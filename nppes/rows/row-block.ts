import type { RefusalReason } from './provider.ts';

/** A refused row, by its place; `npi` only where it is ten digits. */
export interface Refusal {
  readonly rowNumber: number;
  readonly lineNumber: number;
  readonly reason: RefusalReason;
  readonly npi?: string;
  readonly column?: string;
}

/** What a loader wants to know of each line of a block without reading it; only the first `count` places hold. */
export interface RowLines {
  readonly count: number;
  /** Of the NPI, after the row number and its tab, in `tsv`. */
  readonly starts: Uint32Array;
  /** After the line break. */
  readonly ends: Uint32Array;
  readonly rowNumbers: Uint32Array;
  readonly npis: Float64Array;
  /** 0 for a deactivated stub, 1, 2. */
  readonly types: Uint8Array;
  /** Last Update Date, of a stub its NPI Deactivation Date, as YYYYMMDD; 0 when it is not MM/DD/YYYY. */
  readonly dates: Uint32Array;
  /** 1, or 0 for a provider that is deactivated (contract, rule 5). */
  readonly isListed: Uint8Array;
}

/** Some thousand records, ready for LOAD DATA: each line its row number (from 1), then the wanted columns in order. */
export interface RowBlock {
  readonly tsv: Buffer;
  readonly lines: RowLines;
  readonly rows: number;
  readonly stagedRows: number;
  readonly refusals: readonly Refusal[];
  /** Records by entity type (blank, 1, 2), refused ones among them where their type could be read. */
  readonly typeRows: readonly [number, number, number];
  /** Row number of the block's last record: a later reading goes on after it. */
  readonly lastRowNumber: number;
  /** Byte sequences that were not UTF-8, from the beginning of the file to somewhere past this block. */
  readonly badUtf8Count: number;
  /** Bytes of the member read so far, to somewhere past this block. */
  readonly readBytes: number;
  readonly newColumns: readonly string[];
}

/** One line's place in `RowLines`. */
export interface LineKey {
  /** First byte after the row number. */
  readonly lineStart: number;
  readonly lineEnd: number;
  readonly npi: number;
  readonly type: number;
  readonly date: number;
  readonly isListed: number;
}

/** Words of a buffer, at any place. */
export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * Copies the bytes from `start` to `end` of one buffer to `at` of another, four at a time. `Buffer.copy` makes an object
 * a call, and with a call a row the collector takes a third of the time.
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
/** Lines that need more than this end their block early. */
const maxBytes = 16 << 20;

/** The memory of a block while it grows. It is filled again and again, so that nothing is left to the collector. */
export class BlockBuffer {
  /** From `length` on it holds tabs, so that an empty field is written by stepping over it. */
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

  /** Makes room for so many bytes more; false when they belong into the next block. */
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

  /** Takes over the line that ends the buffer. */
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

  /** Writes and takes over a line that came as text; false when it belongs into the next block. */
  write(rowNumber: number, line: string, key: Omit<LineKey, 'lineStart' | 'lineEnd'>): boolean {
    const start = `${rowNumber}\t`;
    if (!this.hasRoom(start.length + Buffer.byteLength(line))) return false;
    const lineStart = this.length + this.tsv.write(start, this.length);
    const lineEnd = lineStart + this.tsv.write(line, lineStart);
    this.addLine(rowNumber, { lineStart, lineEnd, ...key });
    return true;
  }

  /** One more record, staged or refused; `type` is none of 0, 1 and 2 where it could not be read. */
  count(rowNumber: number, type: number): void {
    this.rows += 1;
    this.lastRowNumber = rowNumber;
    if (type === 0 || type === 1 || type === 2) this.typeRows[type] += 1;
  }

  /** Forgets a line that was written up to `lineEnd` and not taken over. */
  erase(lineEnd: number): void {
    if (lineEnd > this.length) this.tsv.fill(tab, this.length, lineEnd);
  }

  /** Everything so far, in this memory: it holds until `clear`. */
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
