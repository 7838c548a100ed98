import { collationsOf } from '../connection/collation.ts';
import type { Session } from '../connection/session.ts';
import { searchTables } from '../baseline/shadow.ts';
import {
  generatedKey,
  showCreate,
  tableShape,
  type ColumnShape,
  type TableShape,
} from '../schema/table-shape.ts';
import { applicationTables, liveTables, type NpiTables, type Schemas } from '../schema/tables.ts';

/** One statement of an adoption, and its purpose. */
export interface Statement {
  readonly what: string;
  readonly sql: string;
}

/** A table of the application, and the shadow that replaces it. All names include the schema. */
export interface SwappedTable {
  readonly original: string;
  readonly shadow: string;
  /** The name of the original after the swap. */
  readonly kept: string;
  /** The statements that create the shadow, empty. */
  readonly creates: readonly string[];
}

/** One of `npi_data_0/1/2`. Its shadow keeps the application's own columns and keys. */
export interface AdoptedTable extends SwappedTable {
  readonly found: TableShape;
  /** Columns narrower than the values of a load, with their current width. */
  readonly narrow: readonly ColumnShape[];
}

export interface AdoptedTables {
  /** `npi_data_0`, `npi_data_1` and `npi_data_2`, in this order. */
  readonly data: readonly [AdoptedTable, AdoptedTable, AdoptedTable];
  /** The earlier loader built these anew every week, so their shadows are created as in a new database. */
  readonly search: readonly SwappedTable[];
}

/** All tables of an adoption. */
export const allTables = ({ data, search }: AdoptedTables): readonly SwappedTable[] => [...data, ...search];

/** The names of the shadows. */
export function adoptionTables({ scheduler }: Schemas): NpiTables & { readonly stage: string } {
  const prefix = `${scheduler}.npi_adopt`;
  return {
    data: (type) => `${prefix}_npi_data_${type}`,
    search: (kind, suffix) => `${prefix}_search_${kind}_${suffix}`,
    stage: `${prefix}_row`,
  };
}

/** Reads the definitions of the three provider tables, which must exist. Changes nothing. */
export async function readAdoptedTables(session: Session, schemas: Schemas): Promise<AdoptedTables> {
  const { nearest } = await collationsOf(session);
  const [live, shadows] = [liveTables(schemas), adoptionTables(schemas)];
  const fresh = new Map(
    applicationTables(schemas, nearest).map(({ schema, name, ddl }) => [`${schema}.${name}`, ddl]),
  );
  const read = async (type: 0 | 1 | 2): Promise<AdoptedTable> => {
    const [original, shadow] = [live.data(type), shadows.data(type)];
    const found = tableShape(await showCreate(session, original));
    const { narrow, changes } = changesOf(found, tableShape(fresh.get(original) ?? '').columns);
    const convert = `CONVERT TO CHARACTER SET utf8mb4 COLLATE ${nearest}`;
    const creates = [
      `CREATE TABLE IF NOT EXISTS ${shadow} LIKE ${original}`,
      `ALTER TABLE ${shadow} ${[convert, ...changes].join(', ')}`,
    ];
    return { original, shadow, kept: keptName(shadow), creates, found, narrow };
  };
  const search = searchTables().map(({ kind, suffix }): SwappedTable => {
    const [original, shadow] = [live.search(kind, suffix), shadows.search(kind, suffix)];
    const ddl = fresh.get(original)?.replace(original, shadow) ?? '';
    const creates = [ddl.replace('CREATE TABLE', '$& IF NOT EXISTS')];
    return { original, shadow, kept: keptName(shadow), creates };
  });
  return { data: [await read(0), await read(1), await read(2)], search };
}

const keptName = (shadow: string) => shadow.replace('.npi_adopt_', '.npi_original_');

/** What a table lacks beside a new one, as parts of an ALTER TABLE. The primary key replaces a plain key on `npi`. */
function changesOf(found: TableShape, fresh: readonly ColumnShape[]) {
  const columns = new Map(found.columns.map((column) => [column.name, column]));
  const loaded = fresh.filter(({ name, isGenerated }) => name !== 'npi' && !isGenerated);
  const missing = loaded.filter(({ name }) => !columns.has(name));
  const narrow: ColumnShape[] = [];
  const widened: string[] = [];
  for (const { name, width = 0 } of loaded) {
    const column = columns.get(name);
    if (column?.width === undefined || column.width >= width) continue;
    narrow.push(column);
    // Without a character set of its own a column has that of the table, which is converted.
    const definition = column.definition.replace(/ CHARACTER SET \w+| COLLATE \w+/g, '');
    widened.push(`MODIFY \`${name}\` ${definition.replace(/\(\d+\)/, `(${width})`)}`);
  }
  const isKeyed = found.primary.join() === 'npi';
  const changes = [
    ...found.keys.filter((key) => key.columns.join() === 'npi').map(({ name }) => `DROP KEY \`${name}\``),
    ...widened,
    ...missing.map(({ name, definition }) => `ADD COLUMN ${name} ${definition}`),
    ...(found.hasGeneratedKey ? [`DROP COLUMN ${generatedKey}`] : []),
    ...(found.primary.length > 0 && !isKeyed ? ['DROP PRIMARY KEY'] : []),
    ...(isKeyed ? [] : ['MODIFY npi BIGINT NOT NULL', 'ADD PRIMARY KEY (npi)']),
  ];
  return { narrow, changes };
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
