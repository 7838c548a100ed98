import { isUtf8 } from 'node:buffer';
import { ByteWindow } from './byte-window.ts';
import { BlockBuffer, type RowBlock } from './row-block.ts';
import { dateNumber, isListed } from './dates.ts';
import { NppesError } from '../errors.ts';
import { planLayout, type Layout, type WantedColumn } from './layout.ts';
import { recordReader, refusalReasons, type Checked } from './provider.ts';
import { readRecords, recordEnd, type CsvRecord, type RecordEnd } from './csv-fallback.ts';
import { notScanned, Scanner } from './scanner.ts';
import { tsvLine } from './tsv.ts';
import { repairUtf8 } from './utf8.ts';

/** What follows from the header of a file. */
interface Plan {
  readonly layout: Layout;
  readonly scanner: Scanner | undefined;
  readonly check: (fields: readonly string[]) => Checked;
  /** Positions among the wanted columns; -1 if the column is not wanted. */
  readonly npiAt: number;
  readonly updateAt: number;
  readonly deactivationAt: number;
  readonly reactivationAt: number;
}

const entityTypes = ['', '1', '2'];
const byteOrderMark = Buffer.from('\uFEFF');
const slowMaxCount = 256;

/** Turns the bytes in its window into blocks. The scanner reads the usual records, csv-parse all others. */
export class RowReader {
  readonly window: ByteWindow;
  /** Bytes of the member read so far. */
  readBytes = 0;
  readonly #wanted: readonly WantedColumn[];
  readonly #afterRow: number;
  #plan: Plan | undefined;
  #block: BlockBuffer;
  #otherBlock: BlockBuffer;
  #rowNumber = 0;
  #lineNumber = 1;
  #badUtf8Count = 0;
  /** Records that csv-parse has read and that are not in a block yet. */
  #waiting: CsvRecord[] = [];
  /** How many records csv-parse gets at once. Doubles for each batch as long as the scanner takes no record. */
  #slowCount = 1;

  constructor(input: {
    readonly wanted: readonly WantedColumn[];
    readonly rowsPerBlock: number;
    readonly afterRow: number;
    readonly windowBytes: number;
  }) {
    this.window = new ByteWindow(input.windowBytes);
    this.#wanted = input.wanted;
    this.#afterRow = input.afterRow;
    this.#block = new BlockBuffer(input.rowsPerBlock);
    this.#otherBlock = new BlockBuffer(input.rowsPerBlock);
  }

  /** Yields the blocks that the records in the window complete. A record that continues after the window stays in it. */
  *blocks(): Generator<RowBlock> {
    this.#plan ??= this.#readHeader();
    if (!this.#plan) return;
    while (this.#advance(this.#plan)) {
      yield this.#finishBlock(this.#plan);
      // The caller has requested the next block, so the memory of the previous one can be reused.
      this.#block.clear();
    }
  }

  /** The rest of the rows, when the whole file has been read. */
  lastBlock(): RowBlock | undefined {
    if (!this.#plan) throw headless();
    return this.#block.rows > 0 ? this.#finishBlock(this.#plan) : undefined;
  }

  /** Reads records until a block is complete (true) or more bytes are needed (false). */
  #advance(plan: Plan): boolean {
    for (;;) {
      if (this.#block.isFull) return true;
      const [waiting] = this.#waiting;
      if (waiting) {
        if (!this.#addSlowly(plan, waiting)) return true;
        this.#waiting.shift();
        continue;
      }
      if (this.window.start === this.window.end) return false;
      if (plan.scanner) {
        const { start, end } = this.window;
        if (!this.#block.hasRoom(plan.scanner.lineBytes(end - start))) return true;
        if (this.#scan(plan.scanner)) continue;
      }
      const records = this.#readSlowly(false);
      if (!records) return false;
      this.#waiting = [...records];
    }
  }

  /** Reads the next record with the scanner. Returns false if csv-parse must read it. */
  #scan(scanner: Scanner): boolean {
    const { window } = this;
    const block = this.#block;
    const rowNumber = this.#rowNumber + 1;
    const next = scanner.scan(window, block, rowNumber);
    const isRight =
      next !== notScanned && (window.isUtf8 || isUtf8(window.bytes.subarray(window.start, next)));
    if (!isRight || rowNumber <= this.#afterRow) block.erase(scanner.lineEnd);
    if (!isRight) return false;
    window.start = next;
    this.#lineNumber += 1;
    this.#rowNumber = rowNumber;
    this.#slowCount = 1;
    if (rowNumber <= this.#afterRow) return true;
    block.count(rowNumber, scanner.type);
    block.addLine(rowNumber, scanner);
    return true;
  }

  /** Reads the next records with csv-parse. Returns undefined when even the first one continues after the window. */
  #readSlowly(isFirst: boolean): readonly CsvRecord[] | undefined {
    const { window } = this;
    const { bytes, start } = window;
    const found = recordsEnd(window, isFirst ? 1 : this.#slowCount, isFirst && hasMark(bytes, start));
    if (found.next === start) return undefined;
    const taken = bytes.subarray(start, found.next);
    const { bytes: repaired, replacedCount } =
      window.isUtf8 || isUtf8(taken) ? { bytes: taken, replacedCount: 0 } : repairUtf8(taken);
    const records = readRecords(repaired, { isFirst, firstLine: this.#lineNumber });
    window.start = found.next;
    this.#lineNumber += found.lines;
    this.#badUtf8Count += replacedCount;
    this.#slowCount = Math.min(this.#slowCount * 2, slowMaxCount);
    return records;
  }

  /** Returns false when the line belongs in the next block. */
  #addSlowly(plan: Plan, { fields, lineNumber }: CsvRecord): boolean {
    const block = this.#block;
    const rowNumber = this.#rowNumber + 1;
    const isAfterStart = rowNumber > this.#afterRow;
    const checked = isAfterStart && fields ? plan.check(fields) : { reason: refusalReasons.malformed };
    if ('values' in checked && !addValues(block, rowNumber, plan, checked)) return false;
    this.#rowNumber = rowNumber;
    if (!isAfterStart) return true;
    block.count(rowNumber, entityTypes.indexOf(checked.entityType ?? 'unread'));
    if ('values' in checked) return true;
    const { reason, npi, column } = checked;
    block.refusals.push({
      rowNumber,
      lineNumber,
      reason,
      ...(npi !== undefined && { npi }),
      ...(column !== undefined && { column }),
    });
    return true;
  }

  #readHeader(): Plan | undefined {
    if (this.window.start === this.window.end) return undefined;
    const records = this.#readSlowly(true);
    if (!records) return undefined;
    const header = records[0]?.fields;
    if (!header) throw headless();
    const planned = planLayout(header, this.#wanted);
    if ('missing' in planned) {
      throw new NppesError(
        'ColumnMissing',
        `The CSV lacks columns that the tables need: ${planned.missing.join(', ')}.`,
      );
    }
    const { layout } = planned;
    const at = (name: string) => this.#wanted.findIndex((column) => column.header === name);
    return {
      layout,
      scanner: Scanner.for(layout),
      check: recordReader(layout),
      npiAt: at('NPI'),
      updateAt: at('Last Update Date'),
      deactivationAt: at('NPI Deactivation Date'),
      reactivationAt: at('NPI Reactivation Date'),
    };
  }

  #finishBlock({ layout }: Plan): RowBlock {
    const block = this.#block;
    [this.#block, this.#otherBlock] = [this.#otherBlock, block];
    return block.finish({
      badUtf8Count: this.#badUtf8Count,
      readBytes: this.readBytes,
      newColumns: layout.newColumns,
    });
  }
}

function hasMark(bytes: Buffer, at: number): boolean {
  return byteOrderMark.equals(bytes.subarray(at, at + byteOrderMark.length));
}

/** The end of up to `count` complete records in the window; its start when there is no complete record. */
function recordsEnd({ bytes, start, end, isLast }: ByteWindow, count: number, isMarked: boolean): RecordEnd {
  let [next, lines] = [start, 0];
  for (let i = 0; i < count && next < end; i++) {
    const from = isMarked ? next + byteOrderMark.length : next;
    const found = recordEnd(bytes, from, end, isLast);
    if (!found) break;
    next = found.next;
    lines += found.lines;
  }
  return { next, lines };
}

/** Writes the line of a record from its fields. Returns false when the line belongs in the next block. */
function addValues(
  block: BlockBuffer,
  rowNumber: number,
  plan: Plan,
  { values, entityType }: Extract<Checked, { values: readonly string[] }>,
): boolean {
  const of = (at: number) => values[at] ?? '';
  return block.write(rowNumber, tsvLine(values), {
    npi: Number(of(plan.npiAt)),
    type: entityTypes.indexOf(entityType),
    date: dateNumber(of(entityType === '' ? plan.deactivationAt : plan.updateAt)),
    isListed: isListed(of(plan.deactivationAt), of(plan.reactivationAt)) ? 1 : 0,
  });
}

function headless(): NppesError {
  return new NppesError('FileDamaged', 'The CSV has no header.');
}
