import { Readable } from 'node:stream';
import { DbError, serverErrno } from '../connection/errors.ts';
import { insertRows } from '../connection/insert-rows.ts';
import { npiColumns } from '../schema/npi-columns.ts';
import type { Session } from '../connection/session.ts';

const stageColumns = ['row_no', ...npiColumns.map((column) => column.name)];

// 1047: a proxy does not know the command. 1148 and 3948: not allowed. 1235: not supported.
const isWithoutLocal = new Set([1047, 1148, 1235, 3948]);

/**
 * Whether this server and every proxy on the way to it allow `LOAD DATA LOCAL`, found by loading no rows. MySQL 8 does so
 * only with `local_infile` on.
 */
export async function mayLoadLocal(session: Session): Promise<boolean> {
  try {
    await session.load("LOAD DATA LOCAL INFILE 'nothing' INTO TABLE npi_checkpoint", Buffer.alloc(0));
    return true;
  } catch (error) {
    if (isWithoutLocal.has(serverErrno(error) ?? 0)) return false;
    throw error;
  }
}

/** The target of a load: its table, the columns of the lines in their order, and values that all lines share. */
export interface LoadTarget {
  readonly table: string;
  readonly columns: readonly string[];
  readonly constants?: Readonly<Record<string, number>>;
}

/** Loads a block of lines (row number and the loaded columns) into a staging table; see `loadLines`. */
export async function loadBlock(
  session: Session,
  stage: string,
  tsv: Buffer,
  isLocal: boolean,
): Promise<void> {
  if (tsv.length > 0) await loadLines(session, { table: stage, columns: stageColumns }, [tsv], isLocal);
}

/**
 * Loads blocks of whole lines inside the caller's transaction. Lines are tab-separated; a field with a tab, line break or
 * quote is enclosed in `"`, with inner quotes doubled. `isLocal` is the result of `mayLoadLocal`. A value that does not fit
 * is an error, because REPLACE makes LOCAL strict.
 * @returns the affected rows that the server reports: one for each line, and one more for a line that replaced a row
 */
export async function loadLines(
  session: Session,
  target: LoadTarget,
  blocks: Iterable<Buffer> | AsyncIterable<Buffer>,
  isLocal: boolean,
): Promise<number> {
  if (!isLocal) {
    let rows = 0;
    for await (const block of blocks) rows += await insertBlock(session, target, block);
    return rows;
  }
  const { table, columns, constants = {} } = target;
  const sets = Object.entries(constants).map(([name, value]) => `${name} = ${value}`);
  const { affectedRows } = await session.load(
    `LOAD DATA LOCAL INFILE 'block' REPLACE INTO TABLE ${table} CHARACTER SET utf8mb4
     FIELDS TERMINATED BY '\\t' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\\n'
     (${columns.join(', ')})${sets.length > 0 ? ` SET ${sets.join(', ')}` : ''}`,
    Readable.from(blocks, { objectMode: false }),
  );
  return affectedRows;
}

/** Refuses a load that wrote more or fewer rows than its lines (contract, rule 9). @throws DbError CountsDiffer */
export function expectRows(written: number, expected: number, table: string): void {
  if (written === expected) return;
  throw new DbError('CountsDiffer', `${table} got ${written} rows from ${expected} lines of the file.`);
}

async function insertBlock(
  session: Session,
  { table, columns, constants = {} }: LoadTarget,
  tsv: Buffer,
): Promise<number> {
  const names = [...columns, ...Object.keys(constants)];
  const shared = Object.values(constants);
  const rows = decodeBlock(tsv.toString('utf8')).map((fields) => [...fields, ...shared]);
  return insertRows(session, `INSERT INTO ${table} (${names.join(', ')})`, rows);
}

/** The fields of each line: the inverse of the encoding that nppes/rows writes. */
export function decodeBlock(tsv: string): string[][] {
  const lines: string[][] = [];
  let fields: string[] = [];
  let position = 0;
  while (position < tsv.length) {
    const { value, end } = tsv[position] === '"' ? enclosedField(tsv, position) : plainField(tsv, position);
    fields.push(value);
    if (tsv[end] === '\n') {
      lines.push(fields);
      fields = [];
    }
    position = end + 1;
  }
  return lines;
}

function plainField(tsv: string, start: number): { value: string; end: number } {
  const tab = tsv.indexOf('\t', start);
  const newline = tsv.indexOf('\n', start);
  const end = tab === -1 || newline < tab ? newline : tab;
  return { value: tsv.slice(start, end), end };
}

function enclosedField(tsv: string, start: number): { value: string; end: number } {
  let end = start + 1;
  for (;;) {
    end = tsv.indexOf('"', end);
    if (tsv[end + 1] !== '"') break;
    end += 2;
  }
  return { value: tsv.slice(start + 1, end).replaceAll('""', '"'), end: end + 1 };
}
