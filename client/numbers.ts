/** `34009` -> `34,009`. */
export const grouped = (count: number): string => count.toLocaleString('en-US');

/** Bytes as `7.4 MB` (millions of bytes, as CMS and disks count). */
export const megabytes = (sizeBytes: number): string => `${(sizeBytes / 1e6).toFixed(1)} MB`;

export const seconds = (duration: number): string => `${duration.toFixed(duration < 10 ? 2 : 1)} s`;
