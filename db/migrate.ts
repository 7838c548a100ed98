import { readdirSync, readFileSync } from 'node:fs';
import { collationsOf, type Collations } from './collation.ts';
import type { Database } from './connect.ts';
import { StatementError } from './errors.ts';
import type { Session } from './session.ts';
import { applicationTables, type Schemas } from './tables.ts';

const folder = new URL('./migrations/', import.meta.url);

/**
 * Creates what is absent, and alters nothing that is there: the schemas, this service's own tables by numbered
 * migrations, the application's NPI and search tables where the schema has none.
 * @returns what was created, as `schema.table`; empty when nothing was missing.
 */
export function migrate(database: Database, schemas: Schemas, signal: AbortSignal): Promise<string[]> {
  return database.session(signal, async (session) => {
    await createSchemas(session, schemas);
    await session.query(`USE ${schemas.scheduler}`);
    // Two migrators at once: the second waits for the first and then finds its work done.
    await session.query("SELECT GET_LOCK('surgicase migrate', 60)");
    try {
      const collations = await collationsOf(session);
      return [
        ...(await runMigrations(session, schemas.scheduler, collations)),
        ...(await createApplicationTables(session, schemas, collations.nearest)),
      ];
    } finally {
      await session.query("SELECT RELEASE_LOCK('surgicase migrate')");
    }
  });
}

async function createSchemas(session: Session, schemas: Schemas): Promise<void> {
  for (const schema of new Set(Object.values(schemas))) {
    const found = await session.query('SELECT 1 FROM information_schema.schemata WHERE schema_name = ?', [
      schema,
    ]);
    if (found.length === 0)
      await session.query(`CREATE DATABASE IF NOT EXISTS ${schema} CHARACTER SET utf8mb4`);
  }
}

async function runMigrations(session: Session, schema: string, collations: Collations): Promise<string[]> {
  await session.query(`CREATE TABLE IF NOT EXISTS migration (
    name VARCHAR(80) NOT NULL PRIMARY KEY, applied_at DATETIME(6) NOT NULL)`);
  const applied = new Set(
    (await session.query<{ name: string }>('SELECT name FROM migration')).map(({ name }) => name),
  );
  const created: string[] = [];
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()) {
    if (applied.has(file)) continue;
    for (const statement of statements(readFileSync(new URL(file, folder), 'utf8'), collations)) {
      await apply(session, statement);
      const name = /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.[1];
      if (name !== undefined) created.push(`${schema}.${name}`);
    }
    await session.query('INSERT INTO migration (name, applied_at) VALUES (?, NOW(6))', [file]);
  }
  return created;
}

const duplicateColumn = 1060;

/** Runs one statement of a migration; a column that a migration has added before it was cut off is there already. */
async function apply(session: Session, statement: string): Promise<void> {
  await session.query(statement).catch((error: unknown) => {
    if (!(error instanceof StatementError) || error.errno !== duplicateColumn) throw error;
  });
}

/** DDL commits by itself, so a migration cut off in the middle is repeated: what it made already stays as it is. */
function statements(sql: string, { nearest, exact }: Collations): string[] {
  return sql
    .replace(/^--.*$/gm, '')
    .replaceAll('{collation}', nearest)
    .replaceAll('{exact}', exact)
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
    .map((statement) =>
      statement
        .replace(/^CREATE TABLE /, 'CREATE TABLE IF NOT EXISTS ')
        .replace(/^INSERT INTO/, 'INSERT IGNORE INTO'),
    );
}

async function createApplicationTables(
  session: Session,
  schemas: Schemas,
  collation: string,
): Promise<string[]> {
  const existing = await session.query<{ place: string }>(
    'SELECT CONCAT(table_schema, ".", table_name) AS place FROM information_schema.tables WHERE table_schema IN (?, ?)',
    [schemas.application, schemas.search],
  );
  const places = new Set(existing.map(({ place }) => place));
  const missing = applicationTables(schemas, collation).filter(
    ({ schema, name }) => !places.has(`${schema}.${name}`),
  );
  for (const { ddl } of missing) await session.query(ddl);
  return missing.map(({ schema, name }) => `${schema}.${name}`);
}
