// What the JSON columns of the ledger and the checkpoint hold.

/** How far a file is staged: what the blocks so far held; `rows` is also the number of the last row. Kept as JSON. */
export interface StagedSoFar {
  readonly member: string;
  readonly rows: number;
  readonly stagedRows: number;
  readonly typeRows: readonly [number, number, number];
  readonly refused: Readonly<Record<string, number>>;
  readonly badUtf8Count: number;
  readonly newColumns: readonly string[];
}

/** What a publish did; kept in the ledger, so that a repeated attempt can say it again. */
export interface PublishReport {
  readonly counts: RowCounts;
  readonly refusedByReason: Readonly<Record<string, number>>;
  readonly search: { readonly written: number; readonly deleted: number; readonly tables: number };
  readonly indexSeconds: number;
  /** Records of the file by entity type (blank, 1, 2); the next baseline is held against the last one's. */
  readonly typeRows?: readonly [number, number, number];
}

/** A file as the ledger names it; dates are ISO. */
export interface ReleaseFile {
  readonly fileName: string;
  readonly kind: string;
  readonly layout: string;
  readonly periodStart: string;
  readonly periodEnd: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly etag?: string;
}

/** What one range of a baseline's NPIs brought. */
export interface RangeCounts extends Omit<RowCounts, 'rows' | 'refused'> {
  /** Known providers that are not in the file and go. */
  readonly removed: number;
}

/** One search table that a publish touched: a line of `npi_search_table_log`. */
export interface SearchTouched {
  readonly kind: 'surgeon' | 'facility';
  /** Its name as the log knows it, without a schema. */
  readonly table: string;
  readonly writtenRows: number;
  readonly deletedRows: number;
  readonly seconds: number;
}

/** All that the ledger and the logs have to be told of a baseline; it goes live together with the tables. */
export interface LiveBaseline {
  readonly file: ReleaseFile;
  readonly runId: string;
  readonly staged: StagedSoFar;
  readonly report: PublishReport;
  readonly touched: readonly SearchTouched[];
}

/** inserted + updated + unchanged + stale + refused + duplicates = rows; deactivated rows are also inserted or updated. */
export interface RowCounts {
  readonly rows: number;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly stale: number;
  readonly deactivated: number;
  readonly refused: number;
  readonly duplicates: number;
}

/** The rows of a range of one existing table: how many, and a sum that changes with any of them. */
export interface RangeChecksum {
  readonly rows: number;
  readonly sum: string;
}

/** What the rows of a range of existing tables became; each row that is read is in one of the next five. */
export interface AdoptedCounts {
  readonly read: number;
  readonly refused: number;
  readonly duplicates: number;
  readonly stubs: number;
  readonly individuals: number;
  readonly organizations: number;
  /** Full rows that took the date of a stub of their NPI. */
  readonly deactivated: number;
  readonly surgeons: number;
  readonly facilities: number;
  /** Values that are as long as their old column was wide. */
  readonly filled: number;
}
