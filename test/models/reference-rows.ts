import { isUtf8 } from 'node:buffer';
import { parse, type CsvError, type InfoRecord } from 'csv-parse';
import type { Refusal } from '../../nppes/rows/row-block.ts';
import { NppesError } from '../../nppes/errors.ts';
import { planLayout, type WantedColumn } from '../../nppes/rows/layout.ts';
import { recordReader, refusalReasons } from '../../nppes/rows/provider.ts';
import { tsvLine } from '../../nppes/rows/tsv.ts';

/** The result of reading a whole member, in one block. */
export interface Reference {
  readonly tsv: string;
  readonly rows: number;
  readonly stagedRows: number;
  readonly refusals: readonly Refusal[];
  readonly typeRows: readonly [number, number, number];
  readonly lastRowNumber: number;
  readonly badUtf8Count: number;
  readonly readBytes: number;
  readonly newColumns: readonly string[];
  readonly keys: readonly LineKey[];
}

export interface LineKey {
  readonly rowNumber: number;
  readonly npi: number;
  readonly type: number;
  readonly date: number;
  readonly isListed: number;
}

interface CsvRecord {
  readonly fields?: readonly string[];
  readonly lineNumber: number;
}

/**
 * The reader that nppes/ had before its scanner, the slow and plain way: TextDecoder for the whole file, csv-parse for
 * the whole file, a string a field. What it says is right by definition.
 * @throws NppesError ColumnMissing, FileDamaged
 */
export async function referenceRows(
  bytes: Buffer,
  wanted: readonly WantedColumn[],
  afterRow = 0,
): Promise<Reference> {
  const { text, badUtf8Count } = decoded(bytes);
  const { records, failure } = await readRecords(text);
  const header = records.shift();
  if (failure && !header) throw failure;
  if (!header?.fields) throw new NppesError('FileDamaged', 'The CSV has no header.');
  const planned = planLayout(header.fields, wanted);
  if ('missing' in planned) throw new NppesError('ColumnMissing', planned.missing.join(', '));
  // The header is complete before the end of the file is known.
  if (failure) throw failure;
  const check = recordReader(planned.layout);
  const lines: string[] = [];
  const keys: LineKey[] = [];
  const keyOf = keyReader(wanted);
  const refusals: Refusal[] = [];
  const typeRows: [number, number, number] = [0, 0, 0];
  for (const [i, { fields, lineNumber }] of records.entries()) {
    const rowNumber = i + 1;
    if (rowNumber <= afterRow) continue;
    const checked = fields ? check(fields) : { reason: refusalReasons.malformed };
    const type = ['', '1', '2'].indexOf(checked.entityType ?? '-') as -1 | 0 | 1 | 2;
    if (type !== -1) typeRows[type] += 1;
    if ('values' in checked) {
      lines.push(tsvLine([String(rowNumber), ...checked.values]));
      keys.push(keyOf(rowNumber, checked.values));
    } else {
      const { reason, npi, column } = checked;
      const place = { rowNumber, lineNumber, reason };
      refusals.push({ ...place, ...(npi !== undefined && { npi }), ...(column !== undefined && { column }) });
    }
  }
  return {
    tsv: lines.join(''),
    rows: Math.max(0, records.length - afterRow),
    stagedRows: lines.length,
    refusals,
    typeRows,
    lastRowNumber: records.length,
    badUtf8Count,
    readBytes: bytes.length,
    newColumns: planned.layout.newColumns,
    keys,
  };
}

function decoded(bytes: Buffer): { readonly text: Buffer; readonly badUtf8Count: number } {
  if (isUtf8(bytes)) return { text: bytes, badUtf8Count: 0 };
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const there = bytes.toString('latin1').split('\u00EF\u00BF\u00BD').length - 1;
  return { text: Buffer.from(text), badUtf8Count: text.split('\uFFFD').length - 1 - there };
}

/** csv-parse as a stream, as it was used; its records in the order in which it tells of them. */
async function readRecords(bytes: Buffer): Promise<{ records: CsvRecord[]; failure?: Error }> {
  const records: CsvRecord[] = [];
  let unreadableLine = -1;
  let failure: Error | undefined;
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_records_with_error: true,
    max_record_size: 1_000_000,
    on_record(fields: string[], { lines }: InfoRecord) {
      records.push({ fields, lineNumber: lines });
      return null;
    },
    on_skip(error: CsvError | undefined) {
      const { code, lines } = error as CsvError & { lines: number };
      if (code === 'CSV_QUOTE_NOT_CLOSED' || code === 'CSV_MAX_RECORD_SIZE')
        throw new NppesError('FileDamaged', code);
      if (lines !== unreadableLine) records.push({ lineNumber: lines });
      unreadableLine = lines;
      return undefined;
    },
  });
  parser.on('error', (error) => {
    failure = error;
  });
  if (bytes.length > 0) parser.write(bytes);
  await new Promise<void>((resolve) => {
    parser.once('end', resolve).once('error', () => resolve());
    if (failure) resolve();
    parser.resume().end();
  });
  return { records, ...(failure && { failure }) };
}

function keyReader(
  wanted: readonly WantedColumn[],
): (rowNumber: number, values: readonly string[]) => LineKey {
  const at = (header: string) => wanted.findIndex((column) => column.header === header);
  const [npiAt, typeAt, updateAt] = [at('NPI'), at('Entity Type Code'), at('Last Update Date')];
  const [deactivationAt, reactivationAt] = [at('NPI Deactivation Date'), at('NPI Reactivation Date')];
  return (rowNumber, values) => {
    const of = (position: number) => values[position] ?? '';
    const type = of(typeAt);
    const parts = /^([0-9]{2})\/([0-9]{2})\/([0-9]{4})$/.exec(of(type === '' ? deactivationAt : updateAt));
    return {
      rowNumber,
      npi: Number(of(npiAt)),
      type: Number(type),
      date: parts ? Number(`${parts[3]}${parts[1]}${parts[2]}`) : 0,
      isListed: isDeactivated(of(deactivationAt), of(reactivationAt)) ? 0 : 1,
    };
  };
}

/**
 * As the SQL of db/registry/classify.ts: IF(column LIKE '__/__/____', CONCAT(RIGHT(column, 4), LEFT(column, 5)), '').
 */
function isDeactivated(deactivation: string, reactivation: string): boolean {
  const key = (text: string) => {
    const characters = Array.from(text);
    const isDate = characters.length === 10 && characters[2] === '/' && characters[5] === '/';
    return isDate ? [...characters.slice(-4), ...characters.slice(0, 5)].join('') : '';
  };
  return deactivation !== '' && (key(reactivation) === '' || key(reactivation) < key(deactivation));
}
