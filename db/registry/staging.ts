import { createHash } from 'node:crypto';
import { and, eq, ne, sql, type SQL } from 'drizzle-orm';
import { loadBlock } from './bulk-load.ts';
import { collationsOf } from '../connection/collation.ts';
import { insertRows } from '../connection/insert-rows.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import type { StagedSoFar } from '../schema/ledger-json.ts';
import { checkpointTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import { valueNames, valuesOf } from '../schema/npi-columns.ts';
import { npiColumnsDdl, searchColumns } from '../schema/tables.ts';

/** A refused row as the quarantine keeps it: where it is and why, never its values. */
export interface RefusedRow {
  readonly rowNumber: number;
  readonly lineNumber: number;
  readonly npi?: string;
  readonly reason: string;
  readonly column?: string;
}

/** The staging of one file by one run: the tables `<name>`, `<name>_refused`, `<name>_plan`, `<name>_search` and `<name>_later`. */
export interface Staging {
  readonly name: string;
  readonly isWhole: boolean;
  readonly soFar?: StagedSoFar;
}

const now = sql`NOW(6)`;

/** The suffixes of the five tables, for dropping leftovers by name. */
const suffixes = ['', '_refused', '_plan', '_search', '_later'] as const;

/** The name of the staging of a file by a run. It is the same for every attempt of the run. */
export function stagingName(runId: string, fileName: string): string {
  return `npi_stage_${createHash('sha256').update(`${runId} ${fileName}`).digest('hex').slice(0, 12)}`;
}

/** Creates the staging of a file, unless this run has one already, and returns how far an earlier attempt came. */
export async function openStaging(session: Session, runId: string, fileName: string): Promise<Staging> {
  const name = stagingName(runId, fileName);
  const { nearest } = await collationsOf(session);
  return openTables(session, { name, runId, fileName }, stagingTables(name, nearest));
}

/** Enters the checkpoint `name` and creates the tables that belong to it, unless an earlier attempt of the run did. */
export async function openTables(
  session: Session,
  { name, runId, fileName }: { readonly name: string; readonly runId: string; readonly fileName: string },
  tables: readonly string[],
): Promise<Staging> {
  // Created before the tables, because leftovers of a dead run are found by their checkpoints.
  await session.orm((db) =>
    db
      .insert(checkpointTable)
      .ignore()
      .values({ stage: name, runId, fileName, isWhole: false, staged: sql`'null'`, movedAt: now }),
  );
  for (const ddl of tables) await session.query(ddl);
  return readStaging(session, name);
}

/** Reads how far a staging is. */
export async function readStaging(session: Session, name: string): Promise<Staging> {
  const [row] = await session.orm((db) =>
    db
      .select({ isWhole: checkpointTable.isWhole, staged: checkpointTable.staged })
      .from(checkpointTable)
      .where(eq(checkpointTable.stage, name)),
  );
  return { name, isWhole: row?.isWhole ?? false, ...(row?.staged ? { soFar: row.staged } : {}) };
}

/** The DDL of the five tables, in the collation of the live tables, because statements compare names of both. */
export function stagingTables(name: string, collation: string): string[] {
  const charset = `DEFAULT CHARACTER SET utf8mb4 COLLATE ${collation}`;
  const names = Object.values(searchColumns).flatMap((columns) => columns.map((column) => column.name));
  const searched = Array.from(new Set(names), (column) => `${column} VARCHAR(100) NULL`);
  return [
    `CREATE TABLE IF NOT EXISTS ${name} (\n  row_no INT UNSIGNED NOT NULL,\n${npiColumnsDdl()},
       PRIMARY KEY (npi, row_no)) ${charset}`,
    // What later releases brought for the providers of this one.
    `CREATE TABLE IF NOT EXISTS ${name}_later (release_id BIGINT NOT NULL, ${npiColumnsDdl()}, PRIMARY KEY (release_id, npi)) ${charset}`,
    `CREATE TABLE IF NOT EXISTS ${name}_refused (row_no INT UNSIGNED NOT NULL PRIMARY KEY, line_no INT UNSIGNED NOT NULL,
       npi BIGINT NULL, reason VARCHAR(60) NOT NULL, column_name VARCHAR(120) NULL) ${charset}`,
    // Only a primary key: a plan is written once and read from start to end in the order of its NPIs.
    `CREATE TABLE IF NOT EXISTS ${name}_plan (npi BIGINT NOT NULL PRIMARY KEY, row_no INT UNSIGNED NOT NULL,
       is_stub BOOLEAN NOT NULL, target TINYINT NOT NULL, known TINYINT NULL,
       known_release BIGINT NULL, known_stub_release BIGINT NULL,
       action ENUM('insert', 'update', 'unchanged', 'stale') NOT NULL) ${charset}`,
    `CREATE TABLE IF NOT EXISTS ${name}_search (kind ENUM(${Object.keys(searchColumns)
      .map((kind) => `'${kind}'`)
      .join(', ')}) NOT NULL, is_listed BOOLEAN NOT NULL, suffix VARCHAR(3) NOT NULL, npi BIGINT NOT NULL,
       old_suffix VARCHAR(3) NULL, ${searched.join(', ')}, PRIMARY KEY (kind, is_listed, suffix, npi)) ${charset}`,
  ];
}

export const refusedColumns = '(row_no, line_no, npi, reason, column_name)';

/** The values of `refusedColumns`. */
export function refusedValues({
  rowNumber,
  lineNumber,
  npi,
  reason,
  column,
}: RefusedRow): (string | number | null)[] {
  return [rowNumber, lineNumber, npi ?? null, reason, column ?? null];
}

/** What one block adds to a staging. */
export interface StagedBlock {
  readonly tsv: Buffer;
  readonly refusals: readonly RefusedRow[];
  /** The checkpoint that includes this block. */
  readonly soFar: StagedSoFar;
}

/**
 * Loads one block and moves the checkpoint in the same transaction. `lease` is absent in a dry run, which writes only to
 * its own staging tables.
 * @throws DbError FencedOut when a newer attempt holds the lease. Stop at once; its rows win.
 */
export function stageBlock(
  session: Session,
  { name }: Staging,
  { tsv, refusals, soFar }: StagedBlock,
  { lease, isLocal }: { readonly lease: Lease | undefined; readonly isLocal: boolean },
): Promise<void> {
  return session.transaction(async () => {
    if (lease) await fence(session, lease);
    await loadBlock(session, name, tsv, isLocal);
    await insertRows(session, `INSERT INTO ${name}_refused ${refusedColumns}`, refusals.map(refusedValues));
    await moveCheckpoint(session, name, { staged: soFar });
  });
}

/** Marks a staging as complete, after the reader has reached the end of the file. */
export async function finishStaging(session: Session, { name }: Staging, soFar: StagedSoFar): Promise<void> {
  // Writes the counts too, because a file without rows has no block that could.
  await moveCheckpoint(session, name, { staged: soFar, isWhole: true });
}

/** Moves a checkpoint, inside the transaction of the rows that it counts. */
export async function moveCheckpoint(
  session: Session,
  name: string,
  moved: { readonly staged: StagedSoFar; readonly isWhole?: true },
): Promise<void> {
  await session.orm((db) =>
    db
      .update(checkpointTable)
      .set({ ...moved, movedAt: now })
      .where(eq(checkpointTable.stage, name)),
  );
}

/** Drops all stagings of a run. */
export function dropStaging(session: Session, runId: string): Promise<void> {
  return dropWhere(session, eq(checkpointTable.runId, runId));
}

/**
 * Drops the stagings that dead runs left: those of other runs that have not moved their checkpoint for an hour. The caller
 * holds the lease, so only dry runs can be running at the same time.
 */
export function dropDeadStaging(session: Session, runId: string): Promise<void> {
  const isDead = sql`${checkpointTable.movedAt} < NOW(6) - INTERVAL 1 HOUR`;
  return dropWhere(session, and(ne(checkpointTable.runId, runId), isDead));
}

async function dropWhere(session: Session, condition: SQL | undefined): Promise<void> {
  const stages = await session.orm((db) =>
    db.select({ stage: checkpointTable.stage }).from(checkpointTable).where(condition),
  );
  for (const { stage } of stages) {
    for (const suffix of suffixes) await session.query(`DROP TABLE IF EXISTS ${stage}${suffix}`);
    await session.orm((db) => db.delete(checkpointTable).where(eq(checkpointTable.stage, stage)));
  }
}

/** Stages the rows that providers have in a provider table. `npis` is a query with the column npi. */
export async function stageProviders(
  session: Session,
  stage: string,
  table: string,
  { npis, rowNumber }: { readonly npis: string; readonly rowNumber: number },
): Promise<void> {
  await session.query(
    `INSERT INTO ${stage} (row_no, npi, ${valueNames.join(', ')})
     SELECT ${rowNumber}, k.npi, ${valuesOf('k')} FROM (${npis}) n STRAIGHT_JOIN ${table} k ON k.npi = n.npi`,
    [],
    `INSERT INTO ${stage}`,
  );
}
