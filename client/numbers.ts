/** `34009` -> `34,009`. */
export const grouped = (count: number): string => count.toLocaleString('en-US');

/** Bytes as `7.4 MB` or `1.2 GB` (powers of 1,000, as CMS and disk makers count). */
export const sized = (sizeBytes: number): string =>
  sizeBytes < 1e9 ? `${(sizeBytes / 1e6).toFixed(1)} MB` : `${(sizeBytes / 1e9).toFixed(1)} GB`;

export const seconds = (duration: number): string => `${duration.toFixed(duration < 10 ? 2 : 1)} s`;

/** `480` -> `about 8 min`. */
export const aboutMinutes = (duration: number): string =>
  duration < 60 ? 'under a minute' : `about ${Math.round(duration / 60)} min`;
