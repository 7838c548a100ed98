import type { AdoptPlan } from './range.ts';
import { allTables, type AdoptedTables, type Statement } from './tables.ts';
import { DbError } from '../connection/errors.ts';
import { fenceShared, type Lease } from '../ledger/lease.ts';
import { givingWay, renameSql } from '../baseline/rename.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** The swap: nobody else reads or writes any of the tables between the first statement and the last. */
export function swapStatements(schemas: Schemas, tables: AdoptedTables): Statement[] {
  const all = allTables(tables);
  const locks = all.map(({ original, shadow }) => `${original} WRITE, ${shadow} WRITE`);
  const renames = all.flatMap(({ original, shadow, kept }) => [
    [original, kept] as const,
    [shadow, original] as const,
  ]);
  return [
    {
      what: 'swap: lock all tables and the lease, and check that no original has changed',
      sql: `LOCK TABLES ${locks.join(', ')}, ${schemas.scheduler}.lease READ`,
    },
    { what: 'rename all originals and all new tables in one statement', sql: renameSql(renames) },
    { what: 'unlock the tables; readers and writers continue', sql: 'UNLOCK TABLES' },
  ];
}

/**
 * The state of the three provider tables as the server knows it: when each was created and last changed, its columns, and
 * the writes that the server counted. Every change from one second later on gives another signature. The counts show
 * changes even when the server has lost the time of the last one.
 */
export async function readSignature(session: Session, { application }: Schemas): Promise<string> {
  // By default the server returns cached times, up to a day old.
  await session.query('SET SESSION information_schema_stats_expiry = 0');
  const found = await session.query(
    `SELECT t.table_name AS name, t.create_time AS createdAt, t.update_time AS updatedAt,
       (SELECT CAST(SUM(CRC32(CONCAT_WS(',', c.column_name, c.column_type, c.ordinal_position))) AS CHAR)
        FROM information_schema.columns c WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name) AS columns
     FROM information_schema.tables t
     WHERE t.table_schema = ? AND t.table_name IN ('npi_data_0', 'npi_data_1', 'npi_data_2') ORDER BY t.table_name`,
    [application],
  );
  return JSON.stringify([found, await countedWrites(session, application)]);
}

/** Rows written since the server started, by table; undefined if the server denies access to the counts. */
async function countedWrites(session: Session, schema: string): Promise<unknown> {
  try {
    return await session.query(
      `SELECT object_name AS name, count_write AS writes FROM performance_schema.table_io_waits_summary_by_table
       WHERE object_schema = ? AND object_name IN ('npi_data_0', 'npi_data_1', 'npi_data_2') ORDER BY object_name`,
      [schema],
    );
  } catch (error) {
    if (error instanceof DbError && error.code === 'DatabaseRefused') return undefined;
    throw error;
  }
}

/**
 * Swaps the shadows with the originals, which are kept, unless an original has changed since `signature`. Locks all tables
 * while it compares and renames them: readers wait and see no error.
 * @returns whether it has swapped them
 * @throws DbError FencedOut; DatabaseBusy when readers never release a table
 */
export async function swapTables(
  session: Session,
  { schemas, tables }: AdoptPlan,
  lease: Lease,
  signature: string,
): Promise<boolean> {
  const [lock = '', rename = '', unlock = ''] = swapStatements(schemas, tables).map(({ sql }) => sql);
  await givingWay(session, lock, 'LOCK TABLES');
  try {
    // The lock also keeps the lease's row from changing.
    await fenceShared(session, lease);
    const isSame = (await readSignature(session, schemas)) === signature;
    if (isSame) await session.run(rename, [], 'RENAME TABLE');
    return isSame;
  } finally {
    await session.query(unlock);
  }
}
