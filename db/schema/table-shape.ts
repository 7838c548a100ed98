import type { Session } from '../connection/session.ts';

/** A column, with the text that follows its name in CREATE TABLE. */
export interface ColumnShape {
  readonly name: string;
  readonly definition: string;
  /** Characters of a VARCHAR or CHAR; absent for every other type. */
  readonly width?: number;
  readonly isGenerated: boolean;
}

/** A secondary key, as `SHOW CREATE TABLE` writes it. */
export interface TableKey {
  readonly name: string;
  readonly definition: string;
  readonly columns: readonly string[];
}

/** The definition of a table, as CREATE TABLE states it. */
export interface TableShape {
  readonly columns: readonly ColumnShape[];
  /** Columns of the primary key; empty if it has none, or one that the server generated. */
  readonly primary: readonly string[];
  readonly hasGeneratedKey: boolean;
  readonly keys: readonly TableKey[];
}

/** MySQL gives this column to a table without a key when sql_generate_invisible_primary_key is on, and reserves its name. */
export const generatedKey = 'my_row_id';

// The server quotes names with backticks; db/schema/tables.ts does not.
const keyLine = /^\s+((?:UNIQUE |FULLTEXT |SPATIAL )?KEY (?:`([^`]+)`|(\w+)) \((.*?)\).*?),?$/;
const primaryLine = /^\s+PRIMARY KEY \((.*?)\)/;
const columnLine = /^\s+(?:`([^`]+)`|(\w+)) (.*?),?$/;
const otherLine = /^\s+CONSTRAINT /;

/** Parses a CREATE TABLE with one column or key per line, from `SHOW CREATE TABLE` or db/schema/tables.ts. */
export function tableShape(ddl: string): TableShape {
  const columns: ColumnShape[] = [];
  const keys: TableKey[] = [];
  let primary: string[] = [];
  // After the last column, options and partitions follow a line that starts with a closing parenthesis.
  const [body = ''] = ddl.split('\n)');
  for (const line of body.split('\n').slice(1)) {
    const [, keyColumns] = primaryLine.exec(line) ?? [];
    const [, definition, quoted, plain, columnList] = keyLine.exec(line) ?? [];
    const name = quoted ?? plain;
    if (keyColumns !== undefined) primary = namesIn(keyColumns);
    else if (definition !== undefined && name !== undefined)
      keys.push({ name, definition, columns: namesIn(columnList ?? '') });
    else if (!otherLine.test(line)) columns.push(...columnIn(line));
  }
  const hasGeneratedKey = primary.join() === generatedKey;
  if (!hasGeneratedKey) return { columns, primary, keys, hasGeneratedKey };
  return { columns: columns.filter(({ name }) => name !== generatedKey), primary: [], keys, hasGeneratedKey };
}

function columnIn(line: string): ColumnShape[] {
  const [, quoted, plain, definition] = columnLine.exec(line) ?? [];
  // Column names in MySQL are case-insensitive.
  const name = (quoted ?? plain)?.toLowerCase();
  if (name === undefined || definition === undefined) return [];
  const [, width] = /^(?:var)?char\((\d+)\)/i.exec(definition) ?? [];
  const isGenerated = / GENERATED ALWAYS AS /i.test(definition);
  return [{ name, definition, isGenerated, ...(width !== undefined && { width: Number(width) }) }];
}

/** `` `last_name`,`first_name`(10) `` -> `last_name`, `first_name`. */
const namesIn = (list: string): string[] =>
  Array.from(list.matchAll(/(?:`([^`]+)`|([A-Za-z_]\w*))(?:\(\d+\))?/g), ([, quoted, plain = '']) =>
    (quoted ?? plain).toLowerCase(),
  );

/** The CREATE TABLE of an existing table. */
export async function showCreate(session: Session, table: string): Promise<string> {
  const [row] = await session.query<Record<'Create Table', string>>(`SHOW CREATE TABLE ${table}`);
  return row?.['Create Table'] ?? '';
}
