import { npidataHeader } from './header.ts';

/** A column that the tables want, by its name in the header of 2026; `maxLength` in characters, absent for texts. */
export interface WantedColumn {
  readonly header: string;
  readonly maxLength?: number;
}

/** Where the wanted columns stand in the records of one file. */
export interface Layout {
  readonly fieldCount: number;
  /** Positions in the record, in the order of the wanted columns; -1 where this version of the file has none. */
  readonly positions: readonly number[];
  readonly wanted: readonly WantedColumn[];
  /** Columns that nobody has heard of yet: tolerated, and reported. */
  readonly newColumns: readonly string[];
}

/** A column's name as names are compared. */
export const normalized = (name: string) => name.trim().replace(/\s+/g, ' ').toLowerCase();

// Renamed in 2025 at the same position.
const aliases: ReadonlyMap<string, string> = new Map([
  [normalized('Provider Gender Code'), normalized('Provider Sex Code')],
]);
// Files before 2019-12-09 have 329 columns, without it.
const optional = new Set([normalized('Certification Date')]);
const known = new Set(npidataHeader.map(normalized));

/** Finds the wanted columns by name; columns that are needed and missing come back instead of a layout. */
export function planLayout(
  header: readonly string[],
  wanted: readonly WantedColumn[],
): { readonly layout: Layout } | { readonly missing: readonly string[] } {
  const names = header.map((name) => aliases.get(normalized(name)) ?? normalized(name));
  const positions = wanted.map(({ header: name }) => names.indexOf(normalized(name)));
  const missing = wanted
    .filter(({ header: name }, i) => positions[i] === -1 && !optional.has(normalized(name)))
    .map(({ header: name }) => name);
  if (missing.length > 0) return { missing };
  const newColumns = header.filter((_, i) => !known.has(names[i] ?? ''));
  return { layout: { fieldCount: header.length, positions, wanted, newColumns } };
}
