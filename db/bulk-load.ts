import { npiColumns } from './npi-columns.ts';
import type { Session } from './session.ts';

const stageColumns = ['row_no', ...npiColumns.map((column) => column.name)];
const rowsPerInsert = 250;

/** Whether this server takes `LOAD DATA LOCAL`; MySQL 8 refuses it unless `local_infile` is on. */
export async function mayLoadLocal(session: Session): Promise<boolean> {
  const [row] = await session.query<{ isOn: number }>('SELECT @@GLOBAL.local_infile AS isOn');
  return row?.isOn === 1;
}

/**
 * Puts a block of lines (row number and the loaded columns, tab-separated, fields with tab, line break or quote
 * enclosed in `"`, inner quotes doubled) into a staging table, inside the caller's transaction.
 * `isLocal`: as `mayLoadLocal` found. Values that do not fit are errors: REPLACE makes LOCAL strict.
 */
export async function loadBlock(
  session: Session,
  stage: string,
  tsv: Buffer,
  isLocal: boolean,
): Promise<void> {
  if (tsv.length === 0) return;
  if (!isLocal) return insertBlock(session, stage, tsv);
  await session.load(
    `LOAD DATA LOCAL INFILE 'block' REPLACE INTO TABLE ${stage} CHARACTER SET utf8mb4
     FIELDS TERMINATED BY '\\t' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\\n'
     (${stageColumns.join(', ')})`,
    tsv,
  );
}

async function insertBlock(session: Session, stage: string, tsv: Buffer): Promise<void> {
  const lines = decodeBlock(tsv.toString('utf8'));
  for (let start = 0; start < lines.length; start += rowsPerInsert) {
    await session.query(`INSERT INTO ${stage} (${stageColumns.join(', ')}) VALUES ?`, [
      lines.slice(start, start + rowsPerInsert),
    ]);
  }
}

/** The fields of each line; the inverse of what the reader writes. */
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
