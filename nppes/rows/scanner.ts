import type { Arena } from './byte-window.ts';
import type { BlockBuffer } from './row-block.ts';
import type { Layout } from './layout.ts';
import { isLicenceState } from './provider.ts';
import { recordMaxBytes } from './csv-fallback.ts';

/** Instead of the place where the next record begins: this record is somebody else's. */
export const notScanned = -1;

const tab = 0x09;
const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const slash = 0x2f;
const zero = 0x30;
const textMaxBytes = 65_535;

/** `"","` as a little-endian word: an empty field, and the next one opens. */
const emptyField = 0x22_2c_22_22;
/** `"",` eight times as three words: most fields of a provider are empty, and most of those side by side. */
const emptyRun = new DataView(new TextEncoder().encode('"",'.repeat(8)).buffer);
const [emptyA, emptyB, emptyC] = [0, 8, 16].map((at) => emptyRun.getFloat64(at, true)) as [
  number,
  number,
  number,
];

/** Four bytes at once are content when none of them is below `#`: (word - lowest) & ~word & high bits is 0. */
const allQuoteNext = 0x23_23_23_23;
const highBits = 0x80_80_80_80 | 0;

/** What a field is for. Fields that are not wanted are only stepped over. */
const unwanted = 0;
const plain = 1;
/** The word NULL in it means an empty field (`providerReader`); in others it goes to MySQL in quotes. */
const licenceState = 2;
const updateDate = 3;
const deactivationDate = 4;
const reactivationDate = 5;
const dateRoles: ReadonlyMap<string, number> = new Map([
  ['Last Update Date', updateDate],
  ['NPI Deactivation Date', deactivationDate],
  ['NPI Reactivation Date', reactivationDate],
]);

/** Twice a digit, its digits added up: Luhn. */
const doubled = Uint8Array.of(0, 2, 4, 6, 8, 1, 3, 5, 7, 9);
/** What the prefix 80840 adds to the sum of an NPI. */
const luhnPrefix = 24;

/**
 * Copies a record that is written as CMS writes them from the arena into a line of a block, byte by byte and without a
 * string: every field in quotes, no quote or control character in any, NULL in licence states only, as many fields as the
 * header has, and nothing to refuse. Any other record it leaves alone. What it takes is what csv-parse and `providerReader` make of it;
 * test/unit/rows/scanner.test.ts holds it to that. Whether the bytes are UTF-8 is the caller's to know.
 */
export class Scanner {
  // Of the record that was scanned last:
  /** First byte of its line after the row number. */
  lineStart = 0;
  /** First byte after its line; what is written up to here has to be erased when the record is not taken. */
  lineEnd = 0;
  npi = 0;
  type = 0;
  /** Of its last update; of its deactivation for a stub. YYYYMMDD, 0 when empty. */
  date = 0;
  isListed = 0;

  readonly #fieldCount: number;
  readonly #wantedCount: number;
  readonly #roles: Uint8Array;
  /** Bytes up to which a field certainly fits its column. */
  readonly #limits: Uint32Array;
  /** Columns of the line that a field brings: 0 or 1, and those behind it that this file does not have. */
  readonly #columns: Uint8Array;
  /** Sum of `columns` before a field. */
  readonly #columnsBefore: Uint32Array;

  private constructor({ fieldCount, positions, wanted }: Layout) {
    this.#fieldCount = fieldCount;
    this.#wantedCount = wanted.length;
    this.#roles = new Uint8Array(fieldCount);
    this.#limits = new Uint32Array(fieldCount);
    this.#columns = new Uint8Array(fieldCount);
    let last = 0;
    for (const [i, { header, maxLength = textMaxBytes }] of wanted.entries()) {
      const position = positions[i] ?? -1;
      if (position !== -1) {
        last = position;
        this.#roles[position] = dateRoles.get(header) ?? (isLicenceState.test(header) ? licenceState : plain);
        this.#limits[position] = maxLength;
      }
      this.#columns[last] = (this.#columns[last] ?? 0) + 1;
    }
    this.#columnsBefore = new Uint32Array(fieldCount + 1);
    for (const [field, columns] of this.#columns.entries())
      this.#columnsBefore[field + 1] = (this.#columnsBefore[field] ?? 0) + columns;
  }

  /** Undefined for a layout that CMS never had: wanted columns in another order than the file's. */
  static for(layout: Layout): Scanner | undefined {
    return isInOrder(layout) ? new Scanner(layout) : undefined;
  }

  /** Room that the line of a record of so many bytes needs: row number, and columns that the file does not have. */
  lineBytes(recordBytes: number): number {
    return recordBytes + this.#wantedCount + 16;
  }

  /**
   * Scans the record at `arena.start` into the block's buffer after `block.length`, which the caller moves to `lineEnd`
   * if it takes the line. Returns where the next record begins, or `notScanned`.
   *
   * No loop here looks at an end: zero bytes follow the arena's, and the caller has made room for the line.
   */
  scan(arena: Arena, block: BlockBuffer, rowNumber: number): number {
    const { bytes, view, start } = arena;
    const { tsv, view: tsvView } = block;
    const roles = this.#roles;
    const limits = this.#limits;
    const columns = this.#columns;
    const columnsBefore = this.#columnsBefore;
    const lastField = this.#fieldCount - 1;
    this.lineEnd = block.length;
    if (!this.#readNpi(bytes, start)) return notScanned;
    const typeByte = bytes[start + 14] as number;
    const type = typeByte === quote ? 0 : typeByte - zero;
    const isType = typeByte === quote || ((type === 1 || type === 2) && bytes[start + 15] === quote);
    if (!isType) return notScanned;

    let out = writeNumber(tsv, block.length, rowNumber);
    this.lineStart = out;
    let update = 0;
    let deactivation = 0;
    let reactivation = 0;
    let field = 0;
    let at = start;
    for (;;) {
      // At the quote that should open a field.
      if (view.getInt32(at, true) === emptyField) {
        if (
          field + 8 <= lastField &&
          view.getFloat64(at, true) === emptyA &&
          view.getFloat64(at + 8, true) === emptyB &&
          view.getFloat64(at + 16, true) === emptyC
        ) {
          out += (columnsBefore[field + 8] as number) - (columnsBefore[field] as number);
          field += 8;
          at += 24;
          continue;
        }
        if (field >= lastField) break;
        out += columns[field] as number;
        field += 1;
        at += 3;
        continue;
      }
      if ((bytes[at] as number) !== quote || field > lastField) break;
      const role = roles[field] as number;
      const from = out;
      let byte = bytes[++at] as number;
      if (role === unwanted) {
        while (byte > quote || byte === space || byte === space + 1) byte = bytes[++at] as number;
      } else {
        for (
          let word = view.getInt32(at, true);
          ((word - allQuoteNext) & ~word & highBits) === 0;
          word = view.getInt32(at, true)
        ) {
          tsvView.setInt32(out, word, true);
          out += 4;
          at += 4;
        }
        byte = bytes[at] as number;
        while (byte > quote || byte === space || byte === space + 1) {
          tsv[out++] = byte;
          byte = bytes[++at] as number;
        }
        const length = out - from;
        if (length === 4 && isNull(tsv, from)) {
          if (role !== licenceState || !isUpperCase(tsv, from)) break;
          tsv.fill(tab, from, out);
          out = from;
        } else if (length > (limits[field] as number)) break;
        if (role >= updateDate && length > 0) {
          const date = length === 10 ? readDate(tsv, from) : 0;
          if (date === 0) break;
          if (role === updateDate) update = date;
          else if (role === deactivationDate) deactivation = date;
          else reactivation = date;
        }
      }
      if (byte !== quote) break;
      out += columns[field] as number;
      byte = bytes[++at] as number;
      if (byte === comma) {
        at += 1;
        field += 1;
        continue;
      }
      if (byte === carriageReturn) byte = bytes[++at] as number;
      if (byte !== newline || field !== lastField) break;
      at += 1;
      // Longer ones are counted as csv-parse counts them; a stub without a date is refused.
      if (at - start > recordMaxBytes || (type === 0 && deactivation === 0)) break;
      tsv[out - 1] = newline;
      this.lineEnd = out;
      this.type = type;
      this.date = type === 0 ? deactivation : update;
      this.isListed = deactivation === 0 || reactivation >= deactivation ? 1 : 0;
      return at;
    }
    this.lineEnd = out;
    return notScanned;
  }

  /** Whether a record begins with a right NPI, and its second field could be an entity type. */
  #readNpi(bytes: Uint8Array, start: number): boolean {
    let npi = 0;
    let sum = luhnPrefix;
    for (let i = 1; i <= 10; i++) {
      const digit = (bytes[start + i] as number) - zero;
      if (digit < 0 || digit > 9) return false;
      npi = npi * 10 + digit;
      sum += i % 2 === 1 ? (doubled[digit] as number) : digit;
    }
    this.npi = npi;
    return (
      sum % 10 === 0 &&
      bytes[start] === quote &&
      bytes[start + 11] === quote &&
      bytes[start + 12] === comma &&
      bytes[start + 13] === quote
    );
  }
}

/** The NPI first and the entity type second, as the scanner reads them; the others in the file's order. */
function isInOrder({ positions, wanted }: Layout): boolean {
  const there = positions.filter((position) => position !== -1);
  return (
    ['NPI', 'Entity Type Code'].every((header, i) => wanted[i]?.header === header && positions[i] === i) &&
    there.every((position, i) => i === 0 || position > (there[i - 1] ?? 0)) &&
    [...dateRoles.keys()].every((header) => wanted.some((column) => column.header === header))
  );
}

/** The row number and its tab, which is there already; returns where the first field goes. */
function writeNumber(tsv: Uint8Array, from: number, value: number): number {
  let end = from + 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end += 1;
  let rest = value;
  for (let at = end - 1; at >= from; at--) {
    const next = Math.floor(rest / 10);
    tsv[at] = zero + rest - next * 10;
    rest = next;
  }
  return end + 1;
}

/** MySQL would take the word for no value at all: the line needs quotes. */
function isNull(tsv: Uint8Array, at: number): boolean {
  return (
    ((tsv[at] as number) | 0x20) === 0x6e &&
    ((tsv[at + 1] as number) | 0x20) === 0x75 &&
    ((tsv[at + 2] as number) | 0x20) === 0x6c &&
    ((tsv[at + 3] as number) | 0x20) === 0x6c
  );
}

function isUpperCase(tsv: Uint8Array, at: number): boolean {
  const bits =
    (tsv[at] as number) | (tsv[at + 1] as number) | (tsv[at + 2] as number) | (tsv[at + 3] as number);
  return (bits & 0x20) === 0;
}

/** `MM/DD/YYYY` as YYYYMMDD; 0 for anything else. */
function readDate(tsv: Uint8Array, at: number): number {
  if (tsv[at + 2] !== slash || tsv[at + 5] !== slash) return 0;
  let date = 0;
  for (const place of datePlaces) {
    const digit = (tsv[at + place] as number) - zero;
    if (digit < 0 || digit > 9) return 0;
    date = date * 10 + digit;
  }
  return date;
}
const datePlaces = [6, 7, 8, 9, 0, 1, 3, 4] as const;
