import type { PublishedFile } from '../db/ledger/releases.ts';
import type { LiveRow } from '../db/registry/proof.ts';
import { npiColumns } from '../db/schema/npi-columns.ts';

/** The row of an NPI that wins inside one file (contract, rules 3 and 4). */
export interface FileRow {
  readonly member: string;
  /** Counted from 1, without the header. */
  readonly rowNumber: number;
  readonly isStub: boolean;
  /** In the order of the loaded columns. */
  readonly fields: readonly string[];
}

/** A release that set a part of a live row, and what its archived zip says. */
export interface Source {
  readonly part: 'row' | 'deactivation date';
  /** Undefined when no release of the ledger set this part. */
  readonly release: PublishedFile | undefined;
  /** Present when the file has the NPI. */
  readonly row?: FileRow;
  /** Why there is nothing to compare with. */
  readonly fault?: string;
}

/** One column of a live row beside the file. `file` is null, and `isEqual` too, when there is no file to compare with. */
export interface Cell {
  readonly column: string;
  readonly database: string;
  readonly file: string | null;
  readonly isEqual: boolean | null;
}

/** `not proven`: nothing differs, but a part of the row has no file to compare with. */
export type Outcome = 'equal' | 'differs' | 'not proven';

const dateColumn = 'npi_deactivation_date';

/** Which releases set the parts of a row: one sets a whole row, and a later one can set its deactivation date. */
export function partsOf({ type, dataRelease, deactivationRelease }: LiveRow): {
  readonly part: Source['part'];
  readonly releaseId: number | null;
}[] {
  // A row of npi_data_0 is a stub, which a single release sets.
  if (type === 0) return [{ part: 'row', releaseId: deactivationRelease }];
  const row = { part: 'row' as const, releaseId: dataRelease };
  if (deactivationRelease === null || deactivationRelease === dataRelease) return [row];
  return [row, { part: 'deactivation date', releaseId: deactivationRelease }];
}

/** Compares a row with its files, column by column. */
export function compareCells({ columns }: LiveRow, sources: readonly Source[]): Cell[] {
  const [row, date = row] = sources;
  return npiColumns.map(({ name }, place) => {
    const database = columns[name] ?? '';
    const file = (name === dateColumn ? date : row)?.row?.fields[place] ?? null;
    return { column: name, database, file, isEqual: file === null ? null : file === database };
  });
}

/** What the cells and the sources of a row prove. */
export function outcomeOf(
  type: LiveRow['type'],
  cells: readonly Cell[],
  sources: readonly Source[],
): Outcome {
  const isWrong = ({ part, row, fault }: Source) =>
    fault === undefined && row?.isStub !== (type === 0 || part === 'deactivation date');
  if (cells.some(({ isEqual }) => isEqual === false) || sources.some(isWrong)) return 'differs';
  return sources.some(({ fault }) => fault !== undefined) ? 'not proven' : 'equal';
}
