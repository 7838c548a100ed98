import { swapStatements } from './plan.ts';
import type { AdoptPlan } from './range.ts';
import { DbError } from '../connection/errors.ts';
import { fenceShared, type Lease } from '../ledger/lease.ts';
import { givingWay } from '../baseline/rename.ts';
import type { Session } from '../connection/session.ts';

/** The state of one of the three tables, compared as text: any change by anyone gives another one. */
interface TableSignature {
  readonly name: string;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly columns: string;
  readonly writes: number | null;
  /** The last change is so recent that another one could get the same second. */
  readonly isYoung: 0 | 1;
}

const mostWaits = 20;

/** Runs `work` with current change times. By default the server returns cached ones, up to a day old. */
export async function withFreshTimes<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.query('SET SESSION information_schema_stats_expiry = 0');
  try {
    return await work();
  } finally {
    await session.query('SET SESSION information_schema_stats_expiry = DEFAULT');
  }
}

/**
 * The signature of the three originals; undefined when they keep changing. Needs `withFreshTimes`. Every later change gives
 * another signature: change times have a resolution of one second, so it is read in a second without changes. The server's
 * counts of writes show changes even when it has lost the time.
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

/** Rows written since the server started, by table; empty if it does not count them or denies access to the counts. */
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
 * Swaps the shadows with the originals, which are kept, unless an original has changed since `signature`. Locks all tables
 * while it compares and renames them: readers wait and see no error. Needs `withFreshTimes`.
 * @returns whether it swapped them
 * @throws DbError FencedOut; DatabaseBusy when readers never release a table
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
    // The lock also keeps the lease's row from changing.
    await fenceShared(session, lease);
    if (JSON.stringify(await readSignatures(session, plan)) !== signature) return false;
    await session.run(rename.sql, [], 'RENAME TABLE');
    return true;
  } finally {
    await session.query(unlock.sql);
  }
}
