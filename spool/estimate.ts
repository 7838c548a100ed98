/** What loading a monthly needs, estimated from the size of its zip. */
export interface MonthlyEstimate {
  readonly rows: number;
  readonly csvBytes: number;
  /** Maximum disk use in the work folder: the zip, plus `splitBytes`. */
  readonly workBytes: number;
  /** Disk use in the archive after the load. */
  readonly archiveBytes: number;
  /** Disk use of the new tables in MySQL. Until the swap the old tables exist as well. */
  readonly tableBytes: number;
  /** From the downloaded zip to the swap. */
  readonly loadSeconds: number;
}

// CMS's monthly of September 2026 (layout V2): size of the zip, and size and rows of its member with the providers.
const september2026 = { zipBytes: 1.16e9, csvBytes: 11.7e9, rows: 9_798_758 };

// Measured on MySQL 9.7 with the keys of the live tables and generated rows of the real width, November 2026.
const providerTableBytesPerRow = 620;
const searchTableBytesPerRow = 480;

/** Rows per second from the zip to the swap, measured on two cores that MySQL and the worker share (November 2026). */
export const loadRowsPerSecond = 20_000;

/**
 * Disk space that a member needs while it is split into ranges of NPIs. A line of TSV has a third of the size of its record,
 * and its search row is written before the line is removed.
 */
export const splitBytes = (csvBytes: number): number => csvBytes * 0.55;

/** Scales the numbers of September 2026 to `zipBytes`; without `zipBytes`, returns those numbers. */
export function estimateMonthly(zipBytes: number = september2026.zipBytes): MonthlyEstimate {
  const scale = zipBytes / september2026.zipBytes;
  const rows = Math.round(september2026.rows * scale);
  const csvBytes = september2026.csvBytes * scale;
  return {
    rows,
    csvBytes,
    workBytes: zipBytes + splitBytes(csvBytes),
    archiveBytes: zipBytes,
    tableBytes: rows * (providerTableBytesPerRow + searchTableBytesPerRow),
    loadSeconds: rows / loadRowsPerSecond,
  };
}
