/** `34009` -> `34,009`. */
export const grouped = (count: number): string => count.toLocaleString('en-US');

export const seconds = (duration: number): string => `${duration.toFixed(duration < 10 ? 2 : 1)} s`;

/** `480` -> `about 8 min`. */
export const aboutMinutes = (duration: number): string =>
  duration < 60 ? 'under a minute' : `about ${Math.round(duration / 60)} min`;
