/** `34009` -> `34,009`. */
export const grouped = (count: number): string => count.toLocaleString('en-US');

/** Bytes as `7.4 MB` (millions of bytes, as CMS and disks count). */
export const megabytes = (sizeBytes: number): string => `${(sizeBytes / 1e6).toFixed(1)} MB`;

export const seconds = (duration: number): string => `${duration.toFixed(duration < 10 ? 2 : 1)} s`;

/** Columns aligned under their heads: the first to the left, numbers to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
