import { createHash } from 'node:crypto';
import { adoptionTables, allTables, type AdoptedTable, type AdoptedTables } from './tables.ts';
import { renameSql } from '../baseline/rename.ts';
import { addKeysSql } from '../schema/table-keys.ts';
import { searchColumns, type Schemas } from '../schema/tables.ts';

/** One statement of an adoption, and its purpose. */
export interface Statement {
  readonly what: string;
  readonly sql: string;
}

/** Creates the shadows and the stage, all of them empty. */
export function createStatements(schemas: Schemas, tables: AdoptedTables): Statement[] {
  const { stage } = adoptionTables(schemas);
  return [
    ...allTables(tables).flatMap(shadowStatements),
    ...stageStatements(tables, stage).map((sql) => ({
      what: 'create a staging table for the rows of one range',
      sql,
    })),
  ];
}

function shadowStatements({ original, shadow, found, changes, convertTo }: AdoptedTable): Statement[] {
  const parts = [...found.keys.map(({ name }) => `DROP KEY \`${name}\``), ...changes];
  const create = {
    what: `create a new table like ${original}`,
    sql: `CREATE TABLE IF NOT EXISTS ${shadow} LIKE ${original}`,
  };
  const convert = {
    what: 'convert its text columns to the collation of the other tables',
    sql: `ALTER TABLE ${shadow} CONVERT TO CHARACTER SET utf8mb4 COLLATE ${convertTo}`,
  };
  const alter = {
    what: 'add missing columns and keys, widen narrow columns, and drop secondary keys until the rows are copied',
    sql: `ALTER TABLE ${shadow} ${parts.join(', ')}`,
  };
  return [create, ...(convertTo === undefined ? [] : [convert]), ...(parts.length === 0 ? [] : [alter])];
}

/**
 * The stage has every stored column of the three tables. `row_no` numbers the rows in the order of the scan. Two more
 * tables hold its search rows and its refused rows.
 */
function stageStatements({ data }: AdoptedTables, stage: string): string[] {
  const [, individuals] = data;
  const present = new Set([...individuals.found.columns.map(({ name }) => name), ...individuals.ours]);
  const more = new Map(
    data
      .flatMap(({ found }) => found.columns)
      .filter(({ name, isGenerated }) => !isGenerated && !present.has(name))
      .map((column) => [column.name, `ADD COLUMN \`${column.name}\` ${column.definition}`]),
  );
  const searched = Object.values(searchColumns).flatMap((columns) => columns.map(({ name }) => name));
  const names = Array.from(new Set(searched), (name) => `${name} VARCHAR(100) NULL`);
  return [
    `CREATE TABLE IF NOT EXISTS ${stage} LIKE ${individuals.shadow}`,
    `ALTER TABLE ${stage} ${[
      'ADD COLUMN row_no INT UNSIGNED NOT NULL AUTO_INCREMENT FIRST',
      'DROP PRIMARY KEY',
      'ADD PRIMARY KEY (npi, row_no)',
      'ADD UNIQUE KEY (row_no)',
      ...more.values(),
    ].join(', ')}`,
    `CREATE TABLE IF NOT EXISTS ${stage}_search (kind ENUM('surgeon', 'facility') NOT NULL, suffix CHAR(1) NOT NULL,
       npi BIGINT NOT NULL, ${names.join(', ')}, PRIMARY KEY (kind, suffix, npi))
       DEFAULT CHARACTER SET utf8mb4`,
    `CREATE TABLE IF NOT EXISTS ${stage}_refused (row_no INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
       range_no INT UNSIGNED NOT NULL, line_no INT UNSIGNED NOT NULL, npi BIGINT NULL, reason VARCHAR(60) NOT NULL,
       column_name VARCHAR(120) NULL, KEY by_range (range_no)) DEFAULT CHARACTER SET utf8mb4`,
  ];
}

/** Builds the secondary keys, after the rows are copied. */
export function keyStatements(tables: AdoptedTables): Statement[] {
  return allTables(tables)
    .filter(({ keys }) => keys.length > 0)
    .map(({ shadow, keys }) => ({
      what: 'build the secondary keys of a new table',
      sql: addKeysSql(shadow, keys),
    }));
}

/** The swap: nobody else reads or writes any of the tables between the first statement and the last. */
export function swapStatements(
  schemas: Schemas,
  tables: AdoptedTables,
): readonly [Statement, Statement, Statement] {
  const all = allTables(tables);
  const locks = all.flatMap(({ original, shadow }) => [`${original} WRITE`, `${shadow} WRITE`]);
  return [
    {
      what: 'swap: lock all tables and the lease, and check that no original has changed',
      sql: `LOCK TABLES ${locks.join(', ')}, ${schemas.scheduler}.lease READ`,
    },
    {
      what: 'rename all originals and all new tables in one statement',
      sql: renameSql(
        all.flatMap(({ original, shadow, kept }): [string, string][] => [
          [original, kept],
          [shadow, original],
        ]),
      ),
    },
    { what: 'unlock the tables; readers and writers continue', sql: 'UNLOCK TABLES' },
  ];
}

/** A digest of the tables to create. It changes as soon as the application alters one of its tables. */
export function shapeOf(schemas: Schemas, tables: AdoptedTables): string {
  const made = [...createStatements(schemas, tables), ...keyStatements(tables)].map(({ sql }) => sql);
  const columns = allTables(tables).map(({ found }) => found.columns);
  return createHash('sha256')
    .update(JSON.stringify([made, columns]))
    .digest('hex');
}
