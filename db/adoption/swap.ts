import { swapStatements } from './plan.ts';
import type { AdoptPlan } from './range.ts';
import { DbError } from '../connection/errors.ts';
import { fenceShared, type Lease } from '../ledger/lease.ts';
import { givingWay } from '../baseline/rename.ts';
import type { Session } from '../connection/session.ts';

/** What tells that one of the three tables was changed, by whomever; compared as text. */
interface TableSignature {
  readonly name: string;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly columns: string;
  readonly writes: number | null;
  /** Its last change is so young that another one could bear the same second. */
  readonly isYoung: 0 | 1;
}

const mostWaits = 20;

/** Runs `work` with the times of changes as they are now; the server answers with those of the day before otherwise. */
export async function withFreshTimes<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.query('SET SESSION information_schema_stats_expiry = 0');
  try {
    return await work();
  } finally {
    await session.query('SET SESSION information_schema_stats_expiry = DEFAULT');
  }
}

/**
 * What the three originals are known by now (with fresh times), or nothing when they change all the time. Every later change gives another
 * signature: its time is that of the commit, in seconds, so it is taken only in a second in which nothing changed. The
 * writes that the server has counted tell changes even when it has forgotten that time.
 */
export async function settledSignature(session: Session, plan: AdoptPlan): Promise<string | undefined> {
  for (let wait = 0; wait < mostWaits; wait++) {
    const tables = await readSignatures(session, plan);
    if (tables.every(({ isYoung }) => isYoung === 0)) return JSON.stringify(tables);
    await session.query('SELECT SLEEP(0.5)');
  }
  return undefined;
}

async function readSignatures(session: Session, { schemas }: AdoptPlan): Promise<TableSignature[]> {
  const writes = await countedWrites(session, schemas.application);
  const found = await session.query<Omit<TableSignature, 'writes'>>(
    `SELECT t.table_name AS name, t.create_time AS createdAt, t.update_time AS updatedAt,
       (SELECT CAST(SUM(CRC32(CONCAT_WS(',', c.column_name, c.column_type, c.ordinal_position))) AS CHAR)
        FROM information_schema.columns c WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name) AS columns,
       COALESCE(t.update_time >= NOW(), FALSE) AS isYoung
     FROM information_schema.tables t
     WHERE t.table_schema = ? AND t.table_name IN ('npi_data_0', 'npi_data_1', 'npi_data_2') ORDER BY t.table_name`,
    [schemas.application],
  );
  return found.map((table) => ({ ...table, writes: writes.get(table.name) ?? null }));
}

/** Rows written since the server began, by table; empty where it does not count or does not tell us. */
async function countedWrites(session: Session, schema: string): Promise<ReadonlyMap<string, number>> {
  try {
    const rows = await session.query<{ name: string; writes: number }>(
      `SELECT object_name AS name, count_write AS writes FROM performance_schema.table_io_waits_summary_by_table
       WHERE object_schema = ? AND object_name LIKE 'npi\\_data\\__'`,
      [schema],
    );
    return new Map(rows.map(({ name, writes }) => [name, writes]));
  } catch (error) {
    if (error instanceof DbError && error.code === 'DatabaseRefused') return new Map();
    throw error;
  }
}

/**
 * Puts the shadows in the place of the originals, which are kept, unless one of them has changed since `signature`. All
 * tables are held for as long as it takes to look (with fresh times) and to rename them: readers wait, and see no error.
 * @returns whether it was done
 * @throws DbError FencedOut; DatabaseBusy when a reader holds a table all the time
 */
export async function swapTables(
  session: Session,
  plan: AdoptPlan,
  lease: Lease,
  signature: string,
): Promise<boolean> {
  const [lock, rename, unlock] = swapStatements(plan.schemas, plan.tables);
  await givingWay(session, lock.sql, 'LOCK TABLES');
  try {
    // The lease's row cannot change either while the table is held.
    await fenceShared(session, lease);
    if (JSON.stringify(await readSignatures(session, plan)) !== signature) return false;
    await session.run(rename.sql, [], 'RENAME TABLE');
    return true;
  } finally {
    await session.query(unlock.sql);
  }
}
