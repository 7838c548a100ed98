import { withBulkSettings } from './bulk-settings.ts';
import type { Session } from './session.ts';

/** A secondary key, as `SHOW CREATE TABLE` writes it. */
interface TableKey {
  readonly name: string;
  readonly definition: string;
}

const keyLine = /^\s+((?:UNIQUE |FULLTEXT |SPATIAL )?KEY `([^`]+)` .*?),?$/;

async function describe(session: Session, table: string): Promise<string[]> {
  const [row] = await session.query<Record<'Create Table', string>>(`SHOW CREATE TABLE ${table}`);
  return (row?.['Create Table'] ?? '').split('\n');
}

function keysOf(lines: readonly string[]): TableKey[] {
  return lines.flatMap((line) => {
    const [, definition, name] = keyLine.exec(line) ?? [];
    return definition !== undefined && name !== undefined ? [{ name, definition }] : [];
  });
}

/** Creates `table` as `model` is, without its secondary keys: they are built when the rows are there. */
export async function createUnkeyed(session: Session, table: string, model: string): Promise<void> {
  const [, ...lines] = (await describe(session, model)).filter((line) => !keyLine.test(line));
  const body = lines.join('\n').replace(/,\n\)/, '\n)');
  await session.query(`CREATE TABLE IF NOT EXISTS ${table} (\n${body}`);
}

/** Gives `table` the secondary keys of `model` that it lacks, all in one pass over its rows. */
export async function buildKeys(session: Session, table: string, model: string): Promise<void> {
  const present = new Set(keysOf(await describe(session, table)).map(({ name }) => name));
  const missing = keysOf(await describe(session, model)).filter(({ name }) => !present.has(name));
  const adds = missing.map(({ definition }) => `ADD ${definition}`);
  if (adds.length === 0) return;
  await withBulkSettings(session, () => session.query(`ALTER TABLE ${table} ${adds.join(', ')}`));
}
