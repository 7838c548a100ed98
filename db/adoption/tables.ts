import { collationsOf } from '../connection/collation.ts';
import { npiColumns } from '../schema/npi-columns.ts';
import type { Session } from '../connection/session.ts';
import { searchTables } from '../baseline/shadow.ts';
import {
  generatedKey,
  showCreate,
  tableShape,
  type ColumnShape,
  type TableKey,
  type TableShape,
} from '../schema/table-shape.ts';
import {
  applicationTables,
  liveTables,
  searchColumns,
  type ApplicationTable,
  type NpiTables,
  type Schemas,
} from '../schema/tables.ts';

/** A table of the application, and the shadow that replaces it. All names include the schema. */
export interface AdoptedTable {
  readonly original: string;
  readonly shadow: string;
  /** The name of the original after the swap. */
  readonly kept: string;
  /** `migrate` creates absent tables in their proper form; then they are originals like the others. */
  readonly isAbsent: boolean;
  readonly found: TableShape;
  /** Names of the columns that a load fills. */
  readonly ours: ReadonlySet<string>;
  /** The collation that its texts need; absent when they have it. */
  readonly convertTo?: string;
  /** The changes for an ALTER TABLE; empty when the table has what a load needs. */
  readonly changes: readonly string[];
  /** Columns narrower than the values of a load, with their current width. */
  readonly narrow: readonly ColumnShape[];
  /** Secondary keys of the shadow, built after its rows are copied. A plain key on `npi` duplicates the primary key. */
  readonly keys: readonly TableKey[];
}

export interface AdoptedTables {
  /** `npi_data_0`, `npi_data_1` and `npi_data_2`, in this order. */
  readonly data: readonly [AdoptedTable, AdoptedTable, AdoptedTable];
  readonly search: readonly AdoptedTable[];
}

/** All tables of an adoption. */
export const allTables = ({ data, search }: AdoptedTables): readonly AdoptedTable[] => [...data, ...search];

/** Whether there is nothing to adopt because none of the tables exists. */
export const isEmpty = (tables: AdoptedTables): boolean =>
  allTables(tables).every(({ isAbsent }) => isAbsent);

/** Whether any table needs changes. If not, only the rows can require an adoption. */
export const isShapedWrong = (tables: AdoptedTables): boolean => allTables(tables).some(needsChanges);

/** Whether a table is absent or needs changes. */
export const needsChanges = ({ isAbsent, changes, convertTo }: AdoptedTable): boolean =>
  isAbsent || changes.length > 0 || convertTo !== undefined;

/** A column that a table must have, and the definition for adding it. */
interface WantedColumn {
  readonly name: string;
  readonly maxLength?: number | undefined;
  readonly definition: string;
}

/** The names of the shadows. */
export function adoptionTables({ scheduler }: Schemas): NpiTables & { readonly stage: string } {
  const prefix = `${scheduler}.npi_adopt`;
  return {
    data: (type) => `${prefix}_npi_data_${type}`,
    search: (kind, suffix) => `${prefix}_search_${kind}_${suffix}`,
    stage: `${prefix}_row`,
  };
}

/** Reads the definitions of the application's NPI and search tables. Changes nothing. */
export async function readAdoptedTables(session: Session, schemas: Schemas): Promise<AdoptedTables> {
  const { nearest } = await collationsOf(session);
  const fresh = new Map(
    applicationTables(schemas, nearest).map((table) => [`${table.schema}.${table.name}`, table]),
  );
  const present = new Set(await tablesIn(session, [schemas.application, schemas.search]));
  const foreign = await tablesNotIn(session, nearest, [schemas.application, schemas.search]);
  const live = liveTables(schemas);
  const read = async (original: string) => {
    const table = fresh.get(original);
    if (table === undefined) throw new Error(`${original} is not a table of the application.`);
    const isAbsent = !present.has(original);
    const shape = tableShape(isAbsent ? table.ddl : await showCreate(session, original));
    return { table, isAbsent, shape, ...(foreign.has(original) && { convertTo: nearest }) };
  };
  const data = [await read(live.data(0)), await read(live.data(1)), await read(live.data(2))] as const;
  const wanted = wantedData(data.map(({ shape }) => shape));
  const search = [];
  for (const { kind, suffix } of searchTables()) {
    search.push(adopted(schemas, await read(live.search(kind, suffix)), wantedSearch[kind]));
  }
  const asData = (at: 0 | 1 | 2) => adopted(schemas, data[at], wanted);
  return { data: [asData(0), asData(1), asData(2)], search };
}

/** The tables of these schemas, as `schema.table`. */
export async function tablesIn(session: Session, schemas: readonly string[]): Promise<string[]> {
  const found = await session.query<{ place: string }>(
    `SELECT CONCAT(table_schema, '.', table_name) AS place FROM information_schema.tables
     WHERE table_schema IN (?) AND table_type = 'BASE TABLE'`,
    [schemas],
  );
  return found.map(({ place }) => place);
}

/** Tables with a text in another collation. Statements compare texts across tables, and latin1 cannot hold Ł. */
async function tablesNotIn(
  session: Session,
  collation: string,
  schemas: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = await session.query<{ place: string }>(
    `SELECT DISTINCT CONCAT(table_schema, '.', table_name) AS place FROM information_schema.columns
     WHERE table_schema IN (?) AND collation_name IS NOT NULL AND collation_name <> ?`,
    [schemas, collation],
  );
  return new Set(found.map(({ place }) => place));
}

/** A provider can move to the table of another type, so a column gets its greatest width in all three tables. */
function wantedData(shapes: readonly TableShape[]): WantedColumn[] {
  const widest = (name: string, least: number) =>
    Math.max(
      least,
      ...shapes.map((shape) => shape.columns.find((column) => column.name === name)?.width ?? 0),
    );
  const loaded = npiColumns.flatMap(({ name, maxLength }): WantedColumn[] => {
    if (name === 'npi') return [];
    if (maxLength === undefined) return [{ name, definition: 'TEXT NULL' }];
    const width = widest(name, maxLength);
    return [{ name, maxLength: width, definition: `VARCHAR(${width}) NULL` }];
  });
  const provenance = ['data_release', 'deactivation_release'].map((name) => ({
    name,
    definition: 'BIGINT NULL INVISIBLE',
  }));
  return [...loaded, ...provenance];
}

const wantedSearch = { surgeon: wantedOf('surgeon'), facility: wantedOf('facility') };

function wantedOf(kind: keyof typeof searchColumns): WantedColumn[] {
  return searchColumns[kind].map(({ name, type }) => ({
    name,
    maxLength: Number(/\d+/.exec(type)?.[0]),
    definition: `${type} NULL`,
  }));
}

interface ReadTable {
  readonly table: ApplicationTable;
  readonly isAbsent: boolean;
  readonly shape: TableShape;
  readonly convertTo?: string;
}

function adopted(
  { scheduler }: Schemas,
  { table, isAbsent, shape, convertTo }: ReadTable,
  wanted: readonly WantedColumn[],
): AdoptedTable {
  const byName = new Map(shape.columns.map((column) => [column.name, column]));
  const narrow = wanted.flatMap(({ name, maxLength = 0 }) => {
    const column = byName.get(name);
    return column?.width !== undefined && column.width < maxLength ? [{ column, maxLength }] : [];
  });
  // Without a character set of its own a column has that of the table, which may have been converted.
  const widened = (definition: string, width: number) =>
    definition.replace(/\(\d+\)/, `(${width})`).replace(/ CHARACTER SET \w+| COLLATE \w+/g, '');
  return {
    original: `${table.schema}.${table.name}`,
    shadow: `${scheduler}.npi_adopt_${table.name}`,
    kept: `${scheduler}.npi_original_${table.name}`,
    isAbsent,
    found: shape,
    ours: new Set(['npi', ...wanted.map(({ name }) => name)]),
    ...(convertTo !== undefined && { convertTo }),
    changes: [
      ...(shape.hasGeneratedKey ? [`DROP COLUMN ${generatedKey}`] : []),
      ...narrow.map(
        ({ column, maxLength }) => `MODIFY \`${column.name}\` ${widened(column.definition, maxLength)}`,
      ),
      ...wanted
        .filter(({ name }) => !byName.has(name))
        .map(({ name, definition }) => `ADD COLUMN ${name} ${definition}`),
      ...(shape.primary.length === 0 ? ['MODIFY npi BIGINT NOT NULL', 'ADD PRIMARY KEY (npi)'] : []),
    ],
    narrow: narrow.map(({ column }) => column),
    keys: shape.keys.filter(({ columns }) => columns.join() !== 'npi'),
  };
}
