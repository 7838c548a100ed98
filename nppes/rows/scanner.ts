import type { ByteWindow } from './byte-window.ts';
import type { BlockBuffer } from './row-block.ts';
import { hasEntityType, type Layout } from './layout.ts';
import { isLicenseState } from './provider.ts';
import { recordMaxBytes } from './csv-fallback.ts';

/** Returned instead of the offset of the next record: csv-parse must read this record. */
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

/** `"","` as a little-endian word: an empty field, and the opening quote of the next one. */
const emptyField = 0x22_2c_22_22;
/** `"",` eight times, as three words. Most fields of a provider are empty, and most empty fields are adjacent. */
const emptyRun = new DataView(new TextEncoder().encode('"",'.repeat(8)).buffer);
const [emptyA, emptyB, emptyC] = [0, 8, 16].map((at) => emptyRun.getFloat64(at, true)) as [
  number,
  number,
  number,
];

/** Four bytes are plain content when none of them is below `#`: (word - lowest) & ~word & high bits is 0. */
const allQuoteNext = 0x23_23_23_23;
const highBits = 0x80_80_80_80 | 0;

/** The role of a field. Unwanted fields are only skipped. */
const unwanted = 0;
const plain = 1;
/** In this field the word NULL means an empty field (`recordReader`). In others it goes to MySQL in quotes. */
const licenseState = 2;
const updateDate = 3;
const deactivationDate = 4;
const reactivationDate = 5;
const dateRoles: ReadonlyMap<string, number> = new Map([
  ['Last Update Date', updateDate],
  ['NPI Deactivation Date', deactivationDate],
  ['NPI Reactivation Date', reactivationDate],
]);

/** Luhn: the digit sum of twice a digit. */
const doubled = Uint8Array.of(0, 2, 4, 6, 8, 1, 3, 5, 7, 9);
/** What the prefix 80840 adds to the Luhn sum of an NPI. */
const luhnPrefix = 24;

/**
 * Copies a record from the window into a line of a block, byte by byte, without creating strings. It takes only records as
 * CMS writes them: every field in quotes, no quote or control character inside a field, NULL only in license states, as many
 * fields as the header, and nothing to refuse. It leaves every other record to csv-parse. For the records that it takes, the
 * result equals that of csv-parse and `recordReader`; test/unit/rows/scanner.test.ts checks this. The caller must check that
 * the bytes are UTF-8.
 */
export class Scanner {
  // The following fields describe the record that was scanned last.
  /** The first byte of its line after the row number and its tab. */
  lineStart = 0;
  /** The first byte after its line. If the caller does not take the line, it must erase the bytes up to here. */
  lineEnd = 0;
  npi = 0;
  type = 0;
  /** Date of its last update, or of its deactivation for a stub, as YYYYMMDD; 0 when empty. */
  date = 0;
  isListed = 0;

  /** False for a reference file: its records have no entity type and no dates. */
  readonly #isTyped: boolean;
  readonly #fieldCount: number;
  readonly #wantedCount: number;
  readonly #roles: Uint8Array;
  /** The number of bytes up to which a field certainly fits its column. */
  readonly #limits: Uint32Array;
  /** How many columns of the line a field fills: 0 or 1, plus the columns after it that this file does not have. */
  readonly #columns: Uint8Array;
  /** The sum of `columns` before a field. */
  readonly #columnsBefore: Uint32Array;

  private constructor({ fieldCount, positions, wanted }: Layout) {
    this.#isTyped = hasEntityType(wanted);
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
        this.#roles[position] = dateRoles.get(header) ?? (isLicenseState.test(header) ? licenseState : plain);
        this.#limits[position] = maxLength;
      }
      this.#columns[last] = (this.#columns[last] ?? 0) + 1;
    }
    this.#columnsBefore = new Uint32Array(fieldCount + 1);
    for (const [field, columns] of this.#columns.entries())
      this.#columnsBefore[field + 1] = (this.#columnsBefore[field] ?? 0) + columns;
  }

  /** Undefined if the wanted columns have another order than the file's, which CMS has never published. */
  static for(layout: Layout): Scanner | undefined {
    return isInOrder(layout) ? new Scanner(layout) : undefined;
  }

  /** The most bytes that the line of a record can need, with the row number and the columns that the file does not have. */
  lineBytes(recordBytes: number): number {
    return recordBytes + this.#wantedCount + 16;
  }

  /**
   * Scans the record at `window.start` and writes its line after `block.length`. The caller moves `block.length` to `lineEnd`
   * if it takes the line. Returns the offset of the next record, or `notScanned`.
   *
   * The loops do not check for the end of a buffer: zero bytes follow the window, and the caller has made room for the line.
   */
  scan(window: ByteWindow, block: BlockBuffer, rowNumber: number): number {
    const { bytes, view, start } = window;
    const { tsv, view: tsvView } = block;
    const roles = this.#roles;
    const limits = this.#limits;
    const columns = this.#columns;
    const columnsBefore = this.#columnsBefore;
    const lastField = this.#fieldCount - 1;
    this.lineEnd = block.length;
    if (!this.#readNpi(bytes, start)) return notScanned;
    const type = this.#isTyped ? readType(bytes, start + 14) : 0;
    if (type === notScanned) return notScanned;

    let out = writeNumber(tsv, block.length, rowNumber);
    this.lineStart = out;
    let update = 0;
    let deactivation = 0;
    let reactivation = 0;
    let field = 0;
    let at = start;
    for (;;) {
      // Here `at` is at the quote that should open a field.
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
          if (role !== licenseState || !isUpperCase(tsv, from)) break;
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
      // csv-parse decides about a longer record, and `recordReader` refuses a stub without a date.
      if (at - start > recordMaxBytes || (this.#isTyped && type === 0 && deactivation === 0)) break;
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

  /** Whether a record begins with a valid NPI and a quoted second field. */
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

/**
 * Whether the wanted columns begin with NPI and, in npidata, entity type, as the scanner expects, and follow the order of the
 * file.
 */
function isInOrder({ positions, wanted }: Layout): boolean {
  const there = positions.filter((position) => position !== -1);
  const isTyped = hasEntityType(wanted);
  const [leading, dates] = isTyped ? [['NPI', 'Entity Type Code'], [...dateRoles.keys()]] : [['NPI'], []];
  return (
    leading.every((header, i) => wanted[i]?.header === header && positions[i] === i) &&
    there.every((position, i) => i === 0 || position > (there[i - 1] ?? 0)) &&
    dates.every((header) => wanted.some((column) => column.header === header))
  );
}

/** The entity type whose first byte is here: 0 for an empty field, 1 or 2; `notScanned` for anything else. */
function readType(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] as number;
  if (byte === quote) return 0;
  const type = byte - zero;
  return (type === 1 || type === 2) && bytes[at + 1] === quote ? type : notScanned;
}

/** Writes the row number; its tab is already in the buffer. Returns the offset of the first field. */
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

/** Whether a field is the word NULL, which needs quotes because MySQL would read it as a null value. */
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
