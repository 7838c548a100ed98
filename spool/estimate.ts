/** What loading a monthly takes; all of it follows from the size of its zip. */
export interface MonthlyEstimate {
  readonly rows: number;
  readonly csvBytes: number;
  /** In the work folder, at most: the zip, and beside it what `splitBytes` says. */
  readonly workBytes: number;
  /** In the archive, from the end on. */
  readonly archiveBytes: number;
  /** Of the new tables in MySQL; until the swap the old ones stand beside them. */
  readonly tableBytes: number;
  /** From the zip on disk to the swap. */
  readonly loadSeconds: number;
}

// CMS's monthly of September 2026 (layout V2): the zip as it is served, and its member with the providers.
const september2026 = { zipBytes: 1.16e9, csvBytes: 11.7e9, rows: 9_798_758 };

// MySQL 9.7 with the keys of the live tables, generated rows of the real width, November 2026.
const providerTableBytesPerRow = 620;
const searchTableBytesPerRow = 480;

/** Rows a second from the zip to the swap, on two cores that MySQL and the worker share (November 2026). */
export const loadRowsPerSecond = 20_000;

/**
 * Disk that a member takes while it is split into ranges of NPIs: a line of TSV is a third of its record, and its search
 * row comes to the disk before it leaves.
 */
export const splitBytes = (csvBytes: number): number => csvBytes * 0.55;

/** Estimates in the proportions of September 2026; without a size, that month itself. */
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
