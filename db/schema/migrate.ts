import { readdirSync, readFileSync } from 'node:fs';
import { collationsOf, type Collations } from '../connection/collation.ts';
import type { Database } from '../connection/pool.ts';
import { StatementError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import { historyView, historyViewDdl } from './history-view.ts';
import { npiColumns } from './npi-columns.ts';
import { applicationTables, schemaNames, type ApplicationTable, type Schemas } from './tables.ts';

const folder = new URL('./migrations/', import.meta.url);

/**
 * Creates what is missing and never alters an existing table of the application: the schemas, this service's own tables (by
 * numbered migrations), and the application's NPI and search tables.
 * @returns the created tables as `schema.table`; empty when nothing was missing
 */
export function migrate(database: Database, schemas: Schemas, signal: AbortSignal): Promise<string[]> {
  return database.session(signal, async (session) => {
    const collations = await collationsOf(session);
    await createSchemas(session, schemas, collations.nearest);
    await session.query(`USE ${schemas.scheduler}`);
    // If two migrations run at once, the second waits for the first and then finds nothing to do.
    await session.query("SELECT GET_LOCK('surgicase migrate', 60)");
    try {
      return [
        ...(await runMigrations(session, schemas.scheduler, collations)),
        ...(await createApplicationTables(session, schemas, collations.nearest)),
        ...(await createHistoryView(session, schemas)),
      ];
    } finally {
      await session.query("SELECT RELEASE_LOCK('surgicase migrate')");
    }
  });
}

/** The statements that `migrate` would run now, in their order and for one session. Changes nothing. */
export async function migrateStatements(session: Session, schemas: Schemas): Promise<string[]> {
  const collations = await collationsOf(session);
  const pending = await pendingMigrations(session, schemas.scheduler);
  return [
    ...(await missingSchemas(session, schemas, collations.nearest)),
    ...(pending.length > 0 ? [`USE ${schemas.scheduler}`, migrationTable(collations)] : []),
    ...pending.flatMap((file) => statementsOf(file, collations)),
    ...(await missingTables(session, schemas, collations.nearest)).map(({ ddl }) => ddl),
    ...(await missingView(session, schemas)),
  ];
}

async function createSchemas(session: Session, schemas: Schemas, collation: string): Promise<void> {
  for (const statement of await missingSchemas(session, schemas, collation)) await session.query(statement);
}

async function missingSchemas(session: Session, schemas: Schemas, collation: string): Promise<string[]> {
  const found = await session.query<{ name: string }>(
    'SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name IN (?)',
    [schemaNames(schemas)],
  );
  const present = new Set(found.map(({ name }) => name));
  return Array.from(new Set(schemaNames(schemas)))
    .filter((schema) => !present.has(schema))
    .map((schema) => `CREATE DATABASE IF NOT EXISTS ${schema} CHARACTER SET utf8mb4 COLLATE ${collation}`);
}

/** The migration files that are not applied yet, in their order. */
async function pendingMigrations(session: Session, schema: string): Promise<string[]> {
  const known = await session.query(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = 'migration'",
    [schema],
  );
  const applied =
    known.length === 0 ? [] : await session.query<{ name: string }>(`SELECT name FROM ${schema}.migration`);
  const names = new Set(applied.map(({ name }) => name));
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql') && !names.has(name))
    .sort();
}

const migrationTable = ({ nearest }: Collations) =>
  `CREATE TABLE IF NOT EXISTS migration (
    name VARCHAR(80) NOT NULL PRIMARY KEY, applied_at DATETIME(6) NOT NULL
  ) DEFAULT CHARACTER SET utf8mb4 COLLATE ${nearest}`;

async function runMigrations(session: Session, schema: string, collations: Collations): Promise<string[]> {
  await session.query(migrationTable(collations));
  const created = new Set<string>();
  for (const file of await pendingMigrations(session, schema)) {
    for (const statement of statementsOf(file, collations)) {
      await apply(session, statement);
      const name = /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.[1];
      const dropped = /^DROP TABLE IF EXISTS (\w+)/.exec(statement)?.[1];
      if (name !== undefined) created.add(`${schema}.${name}`);
      if (dropped !== undefined) created.delete(`${schema}.${dropped}`);
    }
  }
  return Array.from(created);
}

const duplicateColumn = 1060;

/** Runs one statement of a migration. Ignores a column that already exists: an interrupted migration has added it. */
async function apply(session: Session, statement: string): Promise<void> {
  await session.query(statement).catch((error: unknown) => {
    if (!(error instanceof StatementError) || error.errno !== duplicateColumn) throw error;
  });
}

/**
 * The statements of a migration; the last one records it. DDL commits by itself, so an interrupted migration runs again; what it
 * created already stays unchanged.
 */
function statementsOf(file: string, { nearest, exact }: Collations): string[] {
  const statements = readFileSync(new URL(file, folder), 'utf8')
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
  return [...statements, `INSERT INTO migration (name, applied_at) VALUES ('${file}', NOW(6))`];
}

async function createApplicationTables(
  session: Session,
  schemas: Schemas,
  collation: string,
): Promise<string[]> {
  const missing = await missingTables(session, schemas, collation);
  for (const { ddl } of missing) await session.query(ddl);
  return missing.map(({ schema, name }) => `${schema}.${name}`);
}

/** The statement that creates the history view, if it is missing. A table of another loader that lacks columns has none. */
async function missingView(session: Session, schemas: Schemas): Promise<string[]> {
  const views = await session.query(
    'SELECT 1 FROM information_schema.views WHERE table_schema = ? AND table_name = ?',
    [schemas.scheduler, historyView],
  );
  const lacking = await session.query(
    `SELECT table_name FROM information_schema.columns
     WHERE table_schema = ? AND table_name IN ('npi_data_0', 'npi_data_1', 'npi_data_2')
     GROUP BY table_name HAVING COUNT(IF(column_name IN (?), 1, NULL)) < ?`,
    [schemas.application, npiColumns.map(({ name }) => name), npiColumns.length],
  );
  return views.length > 0 || lacking.length > 0 ? [] : [historyViewDdl(schemas)];
}

/** After the tables, because the view names them. */
async function createHistoryView(session: Session, schemas: Schemas): Promise<string[]> {
  const missing = await missingView(session, schemas);
  for (const ddl of missing) await session.query(ddl);
  return missing.map(() => `${schemas.scheduler}.${historyView}`);
}

async function missingTables(
  session: Session,
  schemas: Schemas,
  collation: string,
): Promise<ApplicationTable[]> {
  const existing = await session.query<{ place: string }>(
    'SELECT CONCAT(table_schema, ".", table_name) AS place FROM information_schema.tables WHERE table_schema IN (?, ?)',
    [schemas.application, schemas.search],
  );
  const places = new Set(existing.map(({ place }) => place));
  return applicationTables(schemas, collation).filter(({ schema, name }) => !places.has(`${schema}.${name}`));
}
