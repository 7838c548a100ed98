import { withBulkSettings } from './bulk-settings.ts';
import type { Session } from './session.ts';

/** A secondary key, as `SHOW CREATE TABLE` writes it. */
export interface TableKey {
  readonly name: string;
  readonly definition: string;
}

/** The secondary keys of a table, in its order. */
export async function secondaryKeys(session: Session, table: string): Promise<TableKey[]> {
  const [row] = await session.query<Record<'Create Table', string>>(`SHOW CREATE TABLE ${table}`);
  return (row?.['Create Table'] ?? '').split('\n').flatMap((line) => {
    const [, definition, name] = /^\s+((?:UNIQUE |FULLTEXT |SPATIAL )?KEY `([^`]+)` .*?),?$/.exec(line) ?? [];
    return definition !== undefined && name !== undefined ? [{ name, definition }] : [];
  });
}

/** Gives `table` the secondary keys of `model` that it lacks, all in one pass over its rows. */
export async function buildKeys(session: Session, table: string, model: string): Promise<void> {
  const present = new Set((await secondaryKeys(session, table)).map(({ name }) => name));
  const missing = (await secondaryKeys(session, model)).filter(({ name }) => !present.has(name));
  const adds = missing.map(({ definition }) => `ADD ${definition}`);
  if (adds.length === 0) return;
  await withBulkSettings(session, () => session.query(`ALTER TABLE ${table} ${adds.join(', ')}`));
}
