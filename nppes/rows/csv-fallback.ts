import { parse, type CsvError } from 'csv-parse/sync';
import { NppesError } from '../errors.ts';

/** One record as csv-parse reads it; `fields` is absent when csv-parse cannot read it. */
export interface CsvRecord {
  readonly fields?: readonly string[];
  /** The physical line on which the record ends. */
  readonly lineNumber: number;
}

/** A provider with 330 fields of their documented widths has less than 20 kB. A record this long has lost a quote. */
export const recordMaxBytes = 1_000_000;

const fatal: ReadonlySet<string> = new Set(['CSV_QUOTE_NOT_CLOSED', 'CSV_MAX_RECORD_SIZE']);
const [nul, lineFeed, carriageReturn, quote, comma] = [0x00, 0x0a, 0x0d, 0x22, 0x2c];

/** Where a record ends by the rules of csv-parse. */
export interface RecordEnd {
  /** The first byte after its delimiter. */
  readonly next: number;
  /** Line breaks as csv-parse counts them: each CR and each LF, except that a CRLF at the end of the record counts once. */
  readonly lines: number;
}

/**
 * Finds the end of the record that begins at `start`, with the same state machine as csv-parse 7.0.3 (lib/api/index.js;
 * package.json pins that version). A quote opens only at the beginning of a field, and closes only before a delimiter, a NUL
 * or the end of the file. Any other quote is text. Returns undefined when the record may continue after `end`. Two zero bytes
 * must follow `end`.
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

/** Whether a quote before this byte closes its field. The end of the file reads as NUL. */
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
 * Reads complete records in the dialect of contract rule 6: LF and CRLF, doubled quotes, line breaks inside quotes, any
 * number of fields. `bytes` is repaired UTF-8 with the delimiters of the records, and with the BOM if the file has one.
 * A record that csv-parse cannot read is returned once for each line with a fault.
 * @throws NppesError FileDamaged when a record ends inside quotes or is too long, because a quote is lost.
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
      // csv-parse reports each fault of a record separately.
      if (lines !== unreadableLine) records.push({ lineNumber: firstLine + lines - 1 });
      unreadableLine = lines;
      return undefined;
    },
  });
  return records;
}

/** The error for a record without an end. */
export function endless(code: string): NppesError {
  return new NppesError(
    'FileDamaged',
    `The CSV ends inside a quoted field, or a record has no end (${code}).`,
  );
}
