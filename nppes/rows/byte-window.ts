import { isUtf8 } from 'node:buffer';
import { viewOf } from './row-block.ts';
import { endless } from './csv-fallback.ts';

// csv-parse limits a record in UTF-16 units. In bytes it may be three times as long, plus its quotes and commas.
const windowMaxBytes = 4 << 20;
/** Zero bytes after the last known byte: as many as the scanner reads at once (a run of eight empty fields). */
const sentinelBytes = 32;

/** The part of a file that is being read. Records are scanned in place; only a record that is cut in two is moved. */
export class ByteWindow {
  bytes: Buffer;
  view: DataView;
  /** The first byte that has not been read. */
  start = 0;
  end = 0;
  /** Whether the file ends at `end`. */
  isLast = false;
  /** Whether every complete record in the window is UTF-8. */
  isUtf8 = true;

  constructor(sizeBytes: number) {
    this.bytes = Buffer.alloc(sizeBytes + sentinelBytes);
    this.view = viewOf(this.bytes);
  }

  get sizeBytes(): number {
    return this.bytes.length - sentinelBytes;
  }

  get isFull(): boolean {
    return this.end === this.sizeBytes;
  }

  /** Copies as much of `chunk` as fits, starting at `from`, and returns how many bytes. When `isFull`, read records next. */
  fill(chunk: Uint8Array, from: number): number {
    if (this.isFull) this.makeRoom();
    const count = Math.min(chunk.length - from, this.sizeBytes - this.end);
    this.bytes.set(chunk.subarray(from, from + count), this.end);
    this.end += count;
    if (this.isFull) this.seal();
    return count;
  }

  /** Marks the end of the file. */
  finish(): void {
    this.isLast = true;
    this.seal();
  }

  private makeRoom(): void {
    const rest = this.bytes.subarray(this.start, this.end);
    if (rest.length === this.sizeBytes) this.grow();
    else this.bytes.copyWithin(0, this.start, this.end);
    this.start = 0;
    this.end = rest.length;
  }

  private grow(): void {
    if (this.sizeBytes >= windowMaxBytes) throw endless('CSV_MAX_RECORD_SIZE');
    const larger = Buffer.alloc(this.sizeBytes * 2 + sentinelBytes);
    this.bytes.copy(larger, 0, 0, this.end);
    this.bytes = larger;
    this.view = viewOf(larger);
  }

  private seal(): void {
    this.bytes.fill(0, this.end, this.end + sentinelBytes);
    // A record ends with LF or with the file, so no UTF-8 sequence crosses the last LF.
    const whole = this.isLast ? this.end : this.bytes.lastIndexOf(0x0a, this.end - 1) + 1;
    this.isUtf8 = whole <= this.start || isUtf8(this.bytes.subarray(this.start, whole));
  }
}
