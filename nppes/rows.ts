import type { Readable } from 'node:stream';
import { readRecords, type CsvRecord } from './csv.ts';
import { NppesError } from './errors.ts';
import { planLayout, type Layout, type WantedColumn } from './layout.ts';
import { providerReader, refusalReasons, type Checked, type RefusalReason } from './provider.ts';
import { tsvLine } from './tsv.ts';
import { utf8Repair } from './utf8.ts';

/** A refused row, by its place; `npi` only where it is ten digits. */
export interface Refusal {
  readonly rowNumber: number;
  readonly lineNumber: number;
  readonly reason: RefusalReason;
  readonly npi?: string;
  readonly column?: string;
}

/** Some thousand records, ready for LOAD DATA: each line its row number (from 1), then the wanted columns in order. */
export interface RowBlock {
  readonly tsv: Buffer;
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

/**
 * Reads a member `npidata_pfile_….csv` from its first byte and gives its rows in blocks of `rowsPerBlock`, those after
 * row number `afterRow` only. A row is the same wherever an earlier reading stopped. Memory is bounded by a block.
 * @throws NppesError ColumnMissing, FileDamaged (no header, or the end inside quotes), or what `member` throws.
 */
export async function* readRows(input: {
  readonly member: Readable;
  readonly wanted: readonly WantedColumn[];
  readonly rowsPerBlock: number;
  readonly afterRow: number;
}): AsyncGenerator<RowBlock> {
  const { member, wanted, rowsPerBlock, afterRow } = input;
  const read = { readBytes: 0, badUtf8Count: 0 };
  const repaired = member.compose(
    utf8Repair((bytes, replacedCount) => {
      read.readBytes += bytes;
      read.badUtf8Count += replacedCount;
    }),
  );
  const records = readRecords(repaired);
  const header = await records.next();
  if (header.done || !header.value.fields) throw new NppesError('FileDamaged', 'The CSV has no header.');
  const layout = plannedLayout(header.value.fields, wanted);
  const check = providerReader(layout);
  let block = emptyBlock();
  for await (const record of records) {
    if (record.rowNumber <= afterRow) continue;
    addRecord(block, record, record.fields ? check(record.fields) : { reason: refusalReasons.malformed });
    if (block.rows < rowsPerBlock) continue;
    yield finished(block, layout, read);
    block = emptyBlock();
  }
  if (block.rows > 0) yield finished(block, layout, read);
}

function plannedLayout(header: readonly string[], wanted: readonly WantedColumn[]): Layout {
  const planned = planLayout(header, wanted);
  if ('layout' in planned) return planned.layout;
  throw new NppesError(
    'ColumnMissing',
    `The CSV lacks columns that the tables need: ${planned.missing.join(', ')}.`,
  );
}

interface GrowingBlock {
  rows: number;
  lastRowNumber: number;
  readonly lines: string[];
  readonly refusals: Refusal[];
  readonly typeRows: [number, number, number];
}

function emptyBlock(): GrowingBlock {
  return { rows: 0, lastRowNumber: 0, lines: [], refusals: [], typeRows: [0, 0, 0] };
}

function addRecord(block: GrowingBlock, { rowNumber, lineNumber }: CsvRecord, checked: Checked): void {
  block.rows += 1;
  block.lastRowNumber = rowNumber;
  const type = checked.entityType;
  if (type === '') block.typeRows[0] += 1;
  if (type === '1') block.typeRows[1] += 1;
  if (type === '2') block.typeRows[2] += 1;
  if ('values' in checked) {
    block.lines.push(tsvLine([String(rowNumber), ...checked.values]));
    return;
  }
  const { reason, npi, column } = checked;
  block.refusals.push({
    rowNumber,
    lineNumber,
    reason,
    ...(npi !== undefined && { npi }),
    ...(column !== undefined && { column }),
  });
}

function finished(
  block: GrowingBlock,
  { newColumns }: Layout,
  read: Pick<RowBlock, 'readBytes' | 'badUtf8Count'>,
): RowBlock {
  const { lines, ...counted } = block;
  return { ...counted, tsv: Buffer.from(lines.join('')), stagedRows: lines.length, ...read, newColumns };
}
