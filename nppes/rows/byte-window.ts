import { isUtf8 } from 'node:buffer';
import { viewOf } from './row-block.ts';
import { endless } from './csv-fallback.ts';

// A record may be longer in bytes than in UTF-16 units, which csv-parse counts: three times, and its quotes and commas.
const arenaMaxBytes = 4 << 20;
/** As many bytes as the scanner looks at once, a run of eight empty fields: zero behind the last byte that is known. */
const sentinelBytes = 32;

/** The bytes of a file that are being read: records are scanned where they lie, only one cut in two is moved. */
export class Arena {
  bytes: Buffer;
  view: DataView;
  /** The first byte that is not read yet. */
  start = 0;
  end = 0;
  /** Nothing follows `end`. */
  isLast = false;
  /** Whether every whole record in it is UTF-8. */
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

  /** Copies what fits of `chunk` from `from` on, and says how much that was; `isFull` asks for reading. */
  fill(chunk: Uint8Array, from: number): number {
    if (this.isFull) this.makeRoom();
    const count = Math.min(chunk.length - from, this.sizeBytes - this.end);
    this.bytes.set(chunk.subarray(from, from + count), this.end);
    this.end += count;
    if (this.isFull) this.seal();
    return count;
  }

  /** Nothing follows. */
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
    if (this.sizeBytes >= arenaMaxBytes) throw endless('CSV_MAX_RECORD_SIZE');
    const larger = Buffer.alloc(this.sizeBytes * 2 + sentinelBytes);
    this.bytes.copy(larger, 0, 0, this.end);
    this.bytes = larger;
    this.view = viewOf(larger);
  }

  private seal(): void {
    this.bytes.fill(0, this.end, this.end + sentinelBytes);
    // A record ends with LF or the file, so the last LF cuts no sequence.
    const whole = this.isLast ? this.end : this.bytes.lastIndexOf(0x0a, this.end - 1) + 1;
    this.isUtf8 = whole <= this.start || isUtf8(this.bytes.subarray(this.start, whole));
  }
}
