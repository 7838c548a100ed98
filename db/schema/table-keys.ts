import { withBulkSettings } from '../connection/bulk-settings.ts';
import type { Session } from '../connection/session.ts';
import { showCreate, tableShape, type TableKey } from './table-shape.ts';

const keyLine = /^\s+(?:UNIQUE |FULLTEXT |SPATIAL )?KEY `/;

/** Creates `table` like `model` but without secondary keys, which are built after the rows are loaded. */
export async function createUnkeyed(session: Session, table: string, model: string): Promise<void> {
  const [, ...lines] = (await showCreate(session, model)).split('\n').filter((line) => !keyLine.test(line));
  const body = lines.join('\n').replace(/,\n\)/, '\n)');
  await session.query(`CREATE TABLE IF NOT EXISTS ${table} (\n${body}`);
}

/** Builds the secondary keys of `model` that `table` lacks. */
export async function buildKeys(session: Session, table: string, model: string): Promise<void> {
  await addKeys(session, table, tableShape(await showCreate(session, model)).keys);
}

/** Builds those of the keys that `table` lacks, in one pass over its rows. */
export async function addKeys(session: Session, table: string, keys: readonly TableKey[]): Promise<void> {
  const present = new Set(tableShape(await showCreate(session, table)).keys.map(({ name }) => name));
  const missing = keys.filter(({ name }) => !present.has(name));
  if (missing.length === 0) return;
  await withBulkSettings(session, () => session.query(addKeysSql(table, missing)));
}

/** The statement of `addKeys`. */
export function addKeysSql(table: string, keys: readonly TableKey[]): string {
  return `ALTER TABLE ${table} ${keys.map(({ definition }) => `ADD ${definition}`).join(', ')}`;
}
