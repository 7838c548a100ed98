import { isUtf8 } from 'node:buffer';
import { Arena } from './byte-window.ts';
import { BlockBuffer, type RowBlock } from './row-block.ts';
import { dateNumber, isListed } from './dates.ts';
import { NppesError } from '../errors.ts';
import { planLayout, type Layout, type WantedColumn } from './layout.ts';
import { providerReader, refusalReasons, type Checked } from './provider.ts';
import { readRecords, recordEnd, type CsvRecord, type RecordEnd } from './csv-fallback.ts';
import { notScanned, Scanner } from './scanner.ts';
import { tsvLine } from './tsv.ts';
import { repairUtf8 } from './utf8.ts';

/** What the header of a file settles. */
interface Plan {
  readonly layout: Layout;
  readonly scanner: Scanner | undefined;
  readonly check: (fields: readonly string[]) => Checked;
  /** Among the wanted columns; -1 where nobody wants it. */
  readonly npiAt: number;
  readonly updateAt: number;
  readonly deactivationAt: number;
  readonly reactivationAt: number;
}

const entityTypes = ['', '1', '2'];
const byteOrderMark = Buffer.from('\uFEFF');
const slowMaxCount = 256;

/** Turns the bytes in its arena into blocks: the scanner takes the usual records, csv-parse every other one. */
export class RowReader {
  readonly arena: Arena;
  /** Of the member, so far. */
  readBytes = 0;
  readonly #wanted: readonly WantedColumn[];
  readonly #afterRow: number;
  #plan: Plan | undefined;
  #block: BlockBuffer;
  #otherBlock: BlockBuffer;
  #rowNumber = 0;
  #lineNumber = 1;
  #badUtf8Count = 0;
  /** Records that were read slowly and have no place in a block yet. */
  #waiting: CsvRecord[] = [];
  /** How many records csv-parse gets at once: more and more of them in a file that nobody else can read. */
  #slowCount = 1;

  constructor(input: {
    readonly wanted: readonly WantedColumn[];
    readonly rowsPerBlock: number;
    readonly afterRow: number;
    readonly arenaBytes: number;
  }) {
    this.arena = new Arena(input.arenaBytes);
    this.#wanted = input.wanted;
    this.#afterRow = input.afterRow;
    this.#block = new BlockBuffer(input.rowsPerBlock);
    this.#otherBlock = new BlockBuffer(input.rowsPerBlock);
  }

  /** The blocks that the records in the arena complete. A record that the arena cuts stays there. */
  *blocks(): Generator<RowBlock> {
    this.#plan ??= this.#readHeader();
    if (!this.#plan) return;
    while (this.#advance(this.#plan)) {
      yield this.#finishBlock(this.#plan);
      // Only now, when the next block is asked for, is the memory of the one before it ours again.
      this.#block.clear();
    }
  }

  /** What is left when the file has been read. */
  lastBlock(): RowBlock | undefined {
    if (!this.#plan) throw headless();
    return this.#block.rows > 0 ? this.#finishBlock(this.#plan) : undefined;
  }

  /** Whether a block is complete; otherwise more bytes are needed. */
  #advance(plan: Plan): boolean {
    for (;;) {
      if (this.#block.isFull) return true;
      const [waiting] = this.#waiting;
      if (waiting) {
        if (!this.#addSlowly(plan, waiting)) return true;
        this.#waiting.shift();
        continue;
      }
      if (this.arena.start === this.arena.end) return false;
      if (plan.scanner) {
        const { start, end } = this.arena;
        if (!this.#block.hasRoom(plan.scanner.lineBytes(end - start))) return true;
        if (this.#scan(plan.scanner)) continue;
      }
      const records = this.#readSlowly(false);
      if (!records) return false;
      this.#waiting = [...records];
    }
  }

  /** The next record by the fast path, if it is one for it. */
  #scan(scanner: Scanner): boolean {
    const { arena } = this;
    const block = this.#block;
    const rowNumber = this.#rowNumber + 1;
    const next = scanner.scan(arena, block, rowNumber);
    const isRight = next !== notScanned && (arena.isUtf8 || isUtf8(arena.bytes.subarray(arena.start, next)));
    if (!isRight || rowNumber <= this.#afterRow) block.erase(scanner.lineEnd);
    if (!isRight) return false;
    arena.start = next;
    this.#lineNumber += 1;
    this.#rowNumber = rowNumber;
    this.#slowCount = 1;
    if (rowNumber <= this.#afterRow) return true;
    block.count(rowNumber, scanner.type);
    block.addLine(rowNumber, scanner);
    return true;
  }

  /** The next records as csv-parse reads them; undefined when the arena cuts already the first. */
  #readSlowly(isFirst: boolean): readonly CsvRecord[] | undefined {
    const { arena } = this;
    const { bytes, start } = arena;
    const found = recordsEnd(arena, isFirst ? 1 : this.#slowCount, isFirst && hasMark(bytes, start));
    if (found.next === start) return undefined;
    const taken = bytes.subarray(start, found.next);
    const { bytes: repaired, replacedCount } =
      arena.isUtf8 || isUtf8(taken) ? { bytes: taken, replacedCount: 0 } : repairUtf8(taken);
    const records = readRecords(repaired, { isFirst, firstLine: this.#lineNumber });
    arena.start = found.next;
    this.#lineNumber += found.lines;
    this.#badUtf8Count += replacedCount;
    this.#slowCount = Math.min(this.#slowCount * 2, slowMaxCount);
    return records;
  }

  /** False when its line belongs into the next block. */
  #addSlowly(plan: Plan, { fields, lineNumber }: CsvRecord): boolean {
    const block = this.#block;
    const rowNumber = this.#rowNumber + 1;
    const isWanted = rowNumber > this.#afterRow;
    const checked = isWanted && fields ? plan.check(fields) : { reason: refusalReasons.malformed };
    if ('values' in checked && !addValues(block, rowNumber, plan, checked)) return false;
    this.#rowNumber = rowNumber;
    if (!isWanted) return true;
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
    if (this.arena.start === this.arena.end) return undefined;
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
      check: providerReader(layout),
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

/** The end of up to `count` records that the arena holds whole; of none, its start. */
function recordsEnd({ bytes, start, end, isLast }: Arena, count: number, isMarked: boolean): RecordEnd {
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

/** The line of a record that came as strings; false when it belongs into the next block. */
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
