import { npidataHeader } from './header.ts';

/** A column that the tables need, by its name in the header of 2026. `maxLength` is in characters; TEXT columns have none. */
export interface WantedColumn {
  readonly header: string;
  readonly maxLength?: number;
}

/** Where the wanted columns are in the records of one file. */
export interface Layout {
  readonly fieldCount: number;
  /** Positions in the record, in the order of the wanted columns; -1 if the file does not have the column. */
  readonly positions: readonly number[];
  readonly wanted: readonly WantedColumn[];
  /** Columns that are not in the header of 2026. They are reported, and otherwise ignored. */
  readonly newColumns: readonly string[];
}

/** A column name in the form in which names are compared. */
export const normalized = (name: string) => name.trim().replace(/\s+/g, ' ').toLowerCase();

// CMS renamed this column in 2025; its position is the same.
const aliases: ReadonlyMap<string, string> = new Map([
  [normalized('Provider Gender Code'), normalized('Provider Sex Code')],
]);
// npidata has the first one since 2019-12-09, and othername the second one since 2026.
const optional = new Set(['Certification Date', 'Created Date'].map(normalized));
const npidataColumns = new Set(npidataHeader.map(normalized));

/** Whether these are columns of npidata. The records of the reference files have an NPI, but no entity type. */
export function hasEntityType(wanted: readonly WantedColumn[]): boolean {
  return wanted.some(({ header }) => header === 'Entity Type Code');
}

/** Finds the wanted columns by name. If required columns are missing, returns their names instead of a layout. */
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
  // A load takes every column that a reference file had in 2026.
  const known = hasEntityType(wanted)
    ? npidataColumns
    : new Set(wanted.map(({ header: name }) => normalized(name)));
  const newColumns = header.filter((_, i) => !known.has(names[i] ?? ''));
  return { layout: { fieldCount: header.length, positions, wanted, newColumns } };
}
