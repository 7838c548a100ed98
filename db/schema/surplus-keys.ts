import { showCreate, tableShape, type TableKey, type TableShape } from './table-shape.ts';
import type { Session } from '../connection/session.ts';
import { liveTables, searchLetters, type Schemas } from './tables.ts';

/**
 * Keys that cost every load and serve no search: one statement per table that drops them, in the order of the tables. Those are
 * keys with which another key, or the primary key, begins, and the organization name of individuals, who have none.
 * Tables that do not exist are left out.
 */
export async function surplusKeys(session: Session, schemas: Schemas): Promise<string[]> {
  const { data, search } = liveTables(schemas);
  const individuals = data(1);
  const searchTables = (['surgeon', 'facility'] as const).flatMap((kind) =>
    [...searchLetters, 'all'].map((suffix) => search(kind, suffix)),
  );
  const existing = await existingTables(session, schemas);
  const statements: string[] = [];
  for (const table of [data(0), individuals, data(2), ...searchTables].filter((name) => existing.has(name))) {
    const shape = tableShape(await showCreate(session, table));
    const empty = table === individuals ? 'provider_organization_name' : undefined;
    const drops = surplusIn(shape, empty).map(({ name }) => `DROP KEY \`${name}\``);
    if (drops.length > 0) statements.push(`ALTER TABLE ${table} ${drops.join(', ')}`);
  }
  return statements;
}

/** The surplus keys of a table. `empty` is a column that has no values. */
export function surplusIn({ keys, primary }: TableShape, empty?: string): TableKey[] {
  const isPlain = ({ definition }: TableKey) => /^KEY \S+ \([^()]*\)$/.test(definition);
  const isFirstOf = (columns: readonly string[], of: readonly string[]) =>
    columns.every((column, i) => of[i] === column);
  return keys.filter((key, place) => {
    if (!isPlain(key)) return false;
    if (key.columns.join() === empty || isFirstOf(key.columns, primary)) return true;
    // Of two equal keys the first stays.
    return keys.some(
      (other, otherPlace) =>
        isPlain(other) &&
        isFirstOf(key.columns, other.columns) &&
        (other.columns.length > key.columns.length || otherPlace < place),
    );
  });
}

async function existingTables(session: Session, { application, search }: Schemas): Promise<Set<string>> {
  const found = await session.query<{ place: string }>(
    `SELECT CONCAT(table_schema, '.', table_name) AS place FROM information_schema.tables
     WHERE table_schema IN (?)`,
    [[application, search]],
  );
  return new Set(found.map(({ place }) => place));
}
