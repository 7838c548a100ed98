// Types of the JSON columns of the ledger and the checkpoints.

/** How far a file is staged: the counts of its blocks so far. `rows` is also the number of the last row. */
export interface StagedSoFar {
  readonly member: string;
  readonly rows: number;
  readonly stagedRows: number;
  readonly typeRows: readonly [number, number, number];
  readonly refused: Readonly<Record<string, number>>;
  readonly badUtf8Count: number;
  readonly newColumns: readonly string[];
  /** Reference file of a monthly only: present when its shadow table is complete. */
  readonly settled?: Pick<ReferenceCounts, 'duplicates' | 'stale'>;
}

/** What became of the rows of a reference file: rows = written + duplicates + stale + refused. */
export interface ReferenceCounts {
  /** The table without its schema. */
  readonly table: string;
  readonly rows: number;
  readonly written: number;
  /** Rows that repeat another row of the file byte for byte. */
  readonly duplicates: number;
  /** Rows of providers whose rows come from a later release. */
  readonly stale: number;
  readonly refused: number;
}

/** What a publish did. The ledger keeps it, so that a repeated attempt can report it again. */
export interface PublishReport {
  readonly counts: RowCounts;
  readonly refusedByReason: Readonly<Record<string, number>>;
  /** Rows written to and deleted from search tables, and how many tables that touched. */
  readonly search: { readonly written: number; readonly deleted: number; readonly tables: number };
  /** Part of the publish. */
  readonly indexSeconds: number;
  /** Rows of the file by entity type (blank, 1, 2). The next monthly is compared with those of the last one. */
  readonly typeRows?: readonly [number, number, number];
  /** One entry for each reference file that was loaded; absent when none was. */
  readonly references?: readonly ReferenceCounts[];
}

/** A downloaded file as the ledger records it; dates are ISO. */
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

/** Counts of one range of NPIs of a monthly. */
export interface RangeCounts extends Omit<RowCounts, 'rows' | 'refused'> {
  /** Known providers that are removed because the file does not have them. */
  readonly removed: number;
  /** Known providers that stay although the file does not have them, or only in a refused row. */
  readonly kept: number;
  /** Rows of providers that later releases brought; the range does not count them. */
  readonly late: number;
}

/** One search table that a publish touched: a row of `npi_search_table_log`. */
export interface SearchTouched {
  readonly kind: 'surgeon' | 'facility';
  /** Its name in the log, without the schema. */
  readonly table: string;
  readonly writtenRows: number;
  readonly deletedRows: number;
  readonly seconds: number;
}

/** What the ledger and the logs record about a baseline. It goes live in the same statement as the tables. */
export interface LiveBaseline {
  readonly file: ReleaseFile;
  readonly runId: string;
  readonly staged: StagedSoFar;
  readonly report: PublishReport;
  readonly touched: readonly SearchTouched[];
  /** The epoch of the swap, which is in the names of the tables that it set aside. */
  readonly epoch: number;
  /** It was loaded as if nothing were published: what the ledger has of later releases goes. */
  readonly isRebuild?: boolean;
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

/** The rows of a range of one existing table: their number, and a sum that changes with any row. */
export interface RangeChecksum {
  readonly rows: number;
  readonly sum: string;
}

/** The names of `AdoptedCounts`. */
export const adoptedCounts = [
  'read',
  'refused',
  'duplicates',
  'stubs',
  'individuals',
  'organizations',
  'deactivated',
  'surgeons',
  'facilities',
] as const;

/**
 * What became of the rows of a range of existing tables. Each row read is in exactly one of the next five counts.
 * `deactivated`: full rows that got the deactivation date of a stub of their NPI.
 */
export type AdoptedCounts = Record<(typeof adoptedCounts)[number], number>;
