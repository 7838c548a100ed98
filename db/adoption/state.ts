import { createHash, randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { written, type AdoptPlan } from './range.ts';
import { adoptionTables, allTables, tablesIn, type AdoptedTables, type Statement } from './tables.ts';
import { adoptionRangeTable, adoptionTable, releaseTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** Creates the shadows and the stage, all of them empty. */
export function createStatements(schemas: Schemas, tables: AdoptedTables): Statement[] {
  const { stage } = adoptionTables(schemas);
  return [
    ...allTables(tables).flatMap(({ original, creates }) =>
      creates.map((create) => ({ what: `create the new ${original}`, sql: create })),
    ),
    { what: 'create a staging table for the rows of one range', sql: stageStatement(tables, stage) },
    {
      what: 'create a table for the refused rows',
      sql: `CREATE TABLE IF NOT EXISTS ${stage}_refused (row_no INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  line_no INT UNSIGNED NOT NULL, npi BIGINT NULL, reason VARCHAR(60) NOT NULL, column_name VARCHAR(120) NULL)
  DEFAULT CHARACTER SET utf8mb4`,
    },
  ];
}

/** The stage has every stored column of the three tables. `row_no` numbers the rows in the order of the scan. */
function stageStatement({ data }: AdoptedTables, stage: string): string {
  const columns = new Map(
    data.flatMap((table, type) => written(table).map((name) => [name, `t${type}.\`${name}\``] as const)),
  );
  return `CREATE TABLE IF NOT EXISTS ${stage} (row_no INT UNSIGNED NOT NULL AUTO_INCREMENT, PRIMARY KEY (npi, row_no),
  UNIQUE KEY (row_no)) DEFAULT CHARACTER SET utf8mb4
  SELECT ${Array.from(columns.values()).join(', ')} FROM ${data.map(({ shadow }, type) => `${shadow} t${type}`).join(', ')} LIMIT 0`;
}

/** A digest of the tables to create. It changes as soon as the application alters one of its tables. */
function shapeOf(schemas: Schemas, tables: AdoptedTables): string {
  const made = [createStatements(schemas, tables), tables.data.map(({ found }) => found)];
  return createHash('sha256').update(JSON.stringify(made)).digest('hex');
}

/**
 * Opens the shadows: those of an earlier attempt, or new ones if the application has altered a table since.
 * @returns the ID of the adoption, which the releases that it records in the ledger have
 */
export async function openShadows(
  session: Session,
  { schemas, tables }: AdoptPlan,
  onCreate: () => void,
): Promise<string> {
  const shape = shapeOf(schemas, tables);
  const [known] = await session.orm((db) => db.select().from(adoptionTable));
  const present = new Set(await tablesIn(session, [schemas.scheduler]));
  // They are missing when a person has reversed a swap by hand.
  if (known?.shape === shape && allTables(tables).every(({ shadow }) => present.has(shadow)))
    return known.runId;
  onCreate();
  await abandonAdoption(session, schemas);
  for (const { sql: create } of createStatements(schemas, tables)) await session.query(create);
  const runId = randomUUID();
  await session.orm((db) => db.insert(adoptionTable).values({ runId, shape, startedAt: sql`NOW(6)` }));
  return runId;
}

/** Forgets an adoption that has not swapped, and the releases that it recorded as loaded: the next one reads the log again. */
export async function abandonAdoption(session: Session, schemas: Schemas): Promise<void> {
  for (const { runId } of await session.orm((db) => db.select().from(adoptionTable)))
    await session.orm((db) => db.delete(releaseTable).where(eq(releaseTable.runId, runId)));
  await dropAdoption(session, schemas);
}

/** Drops the shadows and the stage, and deletes the record of the adoption. After the swap only the stage is left. */
export async function dropAdoption(session: Session, schemas: Schemas): Promise<void> {
  // The record goes first: a recorded adoption must have all its tables.
  await session.orm((db) => db.delete(adoptionTable));
  await session.orm((db) => db.delete(adoptionRangeTable));
  for (const name of await tablesNamed(session, schemas, 'npi_adopt_'))
    await session.query(`DROP TABLE IF EXISTS ${name}`);
}

/** The originals that the swap kept. While any exists, the database counts as adopted. */
export const keptOriginals = (session: Session, schemas: Schemas): Promise<string[]> =>
  tablesNamed(session, schemas, 'npi_original_');

async function tablesNamed(session: Session, { scheduler }: Schemas, prefix: string): Promise<string[]> {
  const all = await tablesIn(session, [scheduler]);
  return all.filter((name) => name.startsWith(`${scheduler}.${prefix}`));
}
