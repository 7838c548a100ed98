import type { Readable } from 'node:stream';
import { parse, type CsvError, type InfoRecord } from 'csv-parse';
import { NppesError } from './errors.ts';

/** One record as csv-parse sees it; `fields` is absent when it cannot read it. */
export interface CsvRecord {
  readonly fields?: readonly string[];
  /** Ordinal in the file, the header being 0; unreadable records count. */
  readonly rowNumber: number;
  /** Physical line on which it ends. */
  readonly lineNumber: number;
}

// A provider of 330 fields at their documented widths stays under 20 kB: a record of this size has lost a quote.
const recordMaxBytes = 1_000_000;
const fatal: ReadonlySet<string> = new Set(['CSV_QUOTE_NOT_CLOSED', 'CSV_MAX_RECORD_SIZE']);

/**
 * The records of a CSV in the dialect of contract rule 6: BOM dropped, LF and CRLF, doubled quotes, line breaks inside
 * quotes, wrong field counts kept, unreadable records marked. Each chunk is parsed whole before the next is asked for.
 * @throws NppesError FileDamaged when the file ends inside quotes; what `source` throws.
 */
export async function* readRecords(source: Readable): AsyncGenerator<CsvRecord> {
  let pending: CsvRecord[] = [];
  let rowNumber = -1;
  let unreadableLine = -1;
  let failure: Error | undefined;
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_records_with_error: true,
    max_record_size: recordMaxBytes,
    on_record(fields: string[], { lines }: InfoRecord) {
      pending.push({ fields, rowNumber: ++rowNumber, lineNumber: lines });
      return null;
    },
    on_skip(error: CsvError | undefined) {
      const { code, lines } = error as CsvError & { lines: number };
      if (fatal.has(code)) {
        throw new NppesError(
          'FileDamaged',
          `The CSV ends inside a quoted field, or a record does not end: ${code}.`,
        );
      }
      // One record may have several faults, each told apart.
      if (lines !== unreadableLine) pending.push({ rowNumber: ++rowNumber, lineNumber: lines });
      unreadableLine = lines;
      return undefined;
    },
  });
  parser.on('error', (error) => {
    failure = error;
  });
  const take = () => {
    const records = pending;
    pending = [];
    return records;
  };
  for await (const chunk of source) {
    // Synchronous: the parser has pushed the chunk's records when write returns. It keeps none, on_record drops them.
    parser.write(chunk);
    if (failure) throw failure;
    yield* take();
  }
  await new Promise<void>((resolve) => {
    parser.once('end', resolve).once('error', () => resolve());
    parser.resume().end();
  });
  if (failure) throw failure;
  yield* take();
}
