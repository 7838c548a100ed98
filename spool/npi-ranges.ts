/** NPIs from `from` to just before `to`. */
export interface NpiRange {
  readonly number: number;
  readonly from: number;
  readonly to: number;
}

// An NPI begins with 1 or 2 (CMS, "Requirements for National Provider Identifier and NPI Check Digit"). CMS does not
// assign NPIs in order, so ranges of the same width hold about the same number of providers.
const first = 1_000_000_000;
const end = 3_000_000_000;

// A record of the real monthly has 1,194 bytes (September 2026). A range needs about 15 MB of memory.
const recordBytes = 1194;
const rowsPerRange = 30_000;

/** How many ranges a member of `sizeBytes` is split into. As of 2026, only the half that begins with 1 holds providers. */
export function rangeCountOf(sizeBytes: number): number {
  return 2 * Math.max(1, Math.ceil(sizeBytes / recordBytes / rowsPerRange));
}

const widthOf = (rangeCount: number) => Math.ceil((end - first) / rangeCount);

/** All ranges, in order. A number that is not an NPI is in the first or the last range. */
export function npiRanges(rangeCount: number): NpiRange[] {
  const width = widthOf(rangeCount);
  return Array.from({ length: rangeCount }, (_, number) => ({
    number,
    from: number === 0 ? 0 : first + number * width,
    to: number === rangeCount - 1 ? 10_000_000_000 : first + (number + 1) * width,
  }));
}

/** Returns a function that tells the range number of an NPI. */
export function rangeFinder(rangeCount: number): (npi: number) => number {
  const width = widthOf(rangeCount);
  return (npi) => Math.min(rangeCount - 1, Math.max(0, Math.floor((npi - first) / width)));
}
