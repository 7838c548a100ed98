import type { RowLines } from './row-block.ts';

const aboveEveryDate = 100_000_000;

/**
 * The rank of a line among the lines of its NPI in one file (contract, rules 3 and 4): a full row beats a stub, then the
 * newest date wins. Of two lines with the same rank the later one wins, so a file must be read to its end.
 */
export function rankOf({ types, dates }: RowLines, line: number): number {
  return (types[line] === 0 ? 0 : aboveEveryDate) + (dates[line] ?? 0);
}
