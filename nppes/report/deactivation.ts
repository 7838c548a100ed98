import { buffer } from 'node:stream/consumers';
import { BlockBuffer, type RowBlock } from '../rows/row-block.ts';
import { dateNumber } from '../rows/dates.ts';
import { NppesError } from '../errors.ts';
import { normalized, type WantedColumn } from '../rows/layout.ts';
import { hasCheckDigit, isTenDigits } from '../rows/npi.ts';
import { refusalReasons, type RefusalReason } from '../rows/provider.ts';
import { tsvLine } from '../rows/tsv.ts';
import { openFirstSheet } from './xlsx.ts';
import type { SheetRow } from './sheet.ts';
import { onlyMember, openZipBytes, type Member, type OpenZip } from '../transfer/zip.ts';

export interface ReadReportInput {
  /** The report's .xlsx. */
  readonly member: Member;
  readonly wanted: readonly WantedColumn[];
  readonly rowsPerBlock: number;
  readonly afterRow: number;
}

const headers = { npi: 'NPI', date: 'NPPES Deactivation Date' } as const;
/** The workbook is held in memory. One with 355,000 NPIs has 6 MB. */
const xlsxMaxBytes = 64 << 20;

/**
 * The workbook of a deactivation report. Its name does not matter, because CMS may change it.
 * @throws NppesError MemberMissing, MemberAmbiguous
 */
export function reportMember(zip: OpenZip): Member {
  return onlyMember(zip, /\.xlsx$/i, '.xlsx with the deactivated NPIs');
}

/**
 * Reads a deactivation report and yields its entries as `readRows` yields the stubs of a weekly: NPI and NPI Deactivation
 * Date, with every other wanted column empty, in blocks of `rowsPerBlock`, and only entries after row number `afterRow`.
 * Entries are numbered from 1. The line of a refused entry is its row in the sheet. Rows without text are not entries.
 * **A block is valid until the next one is requested.** `readBytes` is the size of the member, times the share of the
 * sheet that has been read.
 * @throws NppesError ColumnMissing, FileDamaged, ZipDamaged, or what `member` throws
 */
export async function* readDeactivations(input: ReadReportInput): AsyncGenerator<RowBlock> {
  const { member } = input;
  const xlsx = await openZipBytes(await bytesOf(member), member.name);
  const sheet = await openFirstSheet(xlsx);
  const report = new ReportReader(input);
  const finish = (sheetBytes: number) =>
    report.block.finish({
      badUtf8Count: 0,
      readBytes: Math.round((member.sizeBytes * sheetBytes) / sheet.sizeBytes),
      newColumns: [],
    });
  for await (const { rows, readBytes } of sheet.rows()) {
    for (const row of rows) {
      if (report.add(row)) continue;
      yield finish(readBytes);
      report.block.clear();
      report.add(row);
    }
  }
  if (!report.hasHeader) throw columnsMissing(Object.values(headers));
  if (report.block.rows > 0) yield finish(sheet.sizeBytes);
}

/** Writes the rows of the sheet as lines into its block. */
class ReportReader {
  readonly block: BlockBuffer;
  readonly #afterRow: number;
  /** A line with a placeholder for each value: N for the NPI, D for the date. */
  readonly #template: string;
  #columns: { readonly npi: number; readonly date: number } | undefined;
  #rowNumber = 0;

  constructor({ wanted, rowsPerBlock, afterRow }: ReadReportInput) {
    this.block = new BlockBuffer(rowsPerBlock);
    this.#afterRow = afterRow;
    const marks: Readonly<Record<string, string>> = { NPI: 'N', 'NPI Deactivation Date': 'D' };
    this.#template = tsvLine(wanted.map(({ header }) => marks[header] ?? ''));
  }

  get hasHeader(): boolean {
    return this.#columns !== undefined;
  }

  /** Returns false when the block is full; the row then belongs in the next one. */
  add({ number, cells }: SheetRow): boolean {
    if (!this.#columns) {
      this.#columns = columnsOf(cells);
      return true;
    }
    if (this.block.isFull) return false;
    const [npi = '', date = ''] = [cells[this.#columns.npi], cells[this.#columns.date]];
    if (this.#rowNumber < this.#afterRow) {
      this.#rowNumber += 1;
      return true;
    }
    const rowNumber = this.#rowNumber + 1;
    const reason = refusalOf(npi, date);
    if (reason === undefined) {
      const line = this.#template.replace('N', npi).replace('D', date);
      const key = { npi: Number(npi), type: 0, date: dateNumber(date), isListed: 0 };
      if (!this.block.write(rowNumber, line, key)) return false;
    } else
      this.block.refusals.push({
        rowNumber,
        lineNumber: number,
        reason,
        ...(isTenDigits(npi) && { npi }),
      });
    this.block.count(rowNumber, 0);
    this.#rowNumber = rowNumber;
    return true;
  }
}

function refusalOf(npi: string, date: string): RefusalReason | undefined {
  if (!isTenDigits(npi)) return refusalReasons.npiForm;
  if (!hasCheckDigit(npi)) return refusalReasons.npiCheckDigit;
  return dateNumber(date) === 0 ? refusalReasons.stubWithoutDate : undefined;
}

/** Where the columns are in a header row; undefined for a title row above the header. */
function columnsOf(cells: SheetRow['cells']): { readonly npi: number; readonly date: number } | undefined {
  const names = cells.map((cell) => normalized(cell ?? ''));
  const at = { npi: names.indexOf(normalized(headers.npi)), date: names.indexOf(normalized(headers.date)) };
  if (at.npi === -1 && at.date === -1) return undefined;
  if (at.npi === -1) throw columnsMissing([headers.npi]);
  if (at.date === -1) throw columnsMissing([headers.date]);
  return at;
}

function columnsMissing(names: readonly string[]): NppesError {
  return new NppesError(
    'ColumnMissing',
    `The deactivation report lacks columns that the tables need: ${names.join(', ')}.`,
  );
}

async function bytesOf(member: Member): Promise<Buffer> {
  if (member.sizeBytes > xlsxMaxBytes) {
    throw new NppesError(
      'FileDamaged',
      `The deactivation report has ${member.sizeBytes} bytes. A list of NPIs has at most ${xlsxMaxBytes}.`,
    );
  }
  return buffer(await member.open());
}
