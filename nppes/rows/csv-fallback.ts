import { parse, type CsvError } from 'csv-parse/sync';
import { NppesError } from '../errors.ts';

/** One record as csv-parse sees it; `fields` is absent when it cannot read it. */
export interface CsvRecord {
  readonly fields?: readonly string[];
  /** Physical line on which it ends. */
  readonly lineNumber: number;
}

/** A provider of 330 fields at their documented widths stays under 20 kB: a longer record has lost a quote. */
export const recordMaxBytes = 1_000_000;

const fatal: ReadonlySet<string> = new Set(['CSV_QUOTE_NOT_CLOSED', 'CSV_MAX_RECORD_SIZE']);
const [nul, lineFeed, carriageReturn, quote, comma] = [0x00, 0x0a, 0x0d, 0x22, 0x2c];

/** The end of a record, as csv-parse decides it. */
export interface RecordEnd {
  /** The first byte after its delimiter. */
  readonly next: number;
  /** Line breaks in it as csv-parse counts them: each CR and each LF, but a CRLF that ends the record once. */
  readonly lines: number;
}

/**
 * Finds the end of the record that begins at `start`, by the state machine of csv-parse 7 (lib/api/index.js): a quote
 * opens only at the beginning of a field and closes only before a delimiter, a NUL or the end; a faulty quote is text
 * like any other. Undefined while `end` may cut it; two zero bytes follow `end`.
 */
export function recordEnd(
  bytes: Uint8Array,
  start: number,
  end: number,
  isLast: boolean,
): RecordEnd | undefined {
  let isQuoting = false;
  let isFieldEmpty = true;
  let lines = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    const isCrLf = byte === carriageReturn && bytes[at + 1] === lineFeed;
    if (byte === lineFeed || isCrLf) {
      lines += 1;
      if (!isQuoting) return { next: isCrLf ? at + 2 : at + 1, lines };
    } else if (byte === carriageReturn) lines += 1;

    if (byte === quote && isQuoting && bytes[at + 1] === quote) {
      isFieldEmpty = false;
      at += 1;
    } else if (byte === quote && isQuoting && closes(bytes, at + 1)) isQuoting = false;
    else if (byte === quote && !isQuoting && isFieldEmpty) isQuoting = true;
    else isFieldEmpty = byte === comma && !isQuoting;
  }
  return isLast ? { next: end, lines } : undefined;
}

/** Whether a quote before this byte closes its field; the end of the file reads as NUL. */
function closes(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at];
  return (
    byte === comma ||
    byte === lineFeed ||
    byte === nul ||
    (byte === carriageReturn && bytes[at + 1] === lineFeed)
  );
}

/**
 * Reads whole records (repaired, their delimiters with them, the first of the file with its BOM) in the dialect of
 * contract rule 6: LF and CRLF, doubled quotes, line breaks inside quotes, any number of fields. A record that cannot be
 * read comes back once for each line that has a fault.
 * @throws NppesError FileDamaged when one ends inside quotes or is too long: a quote is lost.
 */
export function readRecords(
  bytes: Buffer,
  { isFirst, firstLine }: { readonly isFirst: boolean; readonly firstLine: number },
): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  let unreadableLine = -1;
  parse(bytes, {
    bom: isFirst,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_records_with_error: true,
    max_record_size: recordMaxBytes,
    on_record(fields: string[], { lines }) {
      records.push({ fields, lineNumber: firstLine + lines - 1 });
      return null;
    },
    on_skip(error: CsvError | undefined) {
      const { code, lines } = error as CsvError & { lines: number };
      if (fatal.has(code)) throw endless(code);
      // One record may have several faults, each told apart.
      if (lines !== unreadableLine) records.push({ lineNumber: firstLine + lines - 1 });
      unreadableLine = lines;
      return undefined;
    },
  });
  return records;
}

/** A record without an end. */
export function endless(code: string): NppesError {
  return new NppesError(
    'FileDamaged',
    `The CSV ends inside a quoted field, or a record does not end: ${code}.`,
  );
}
