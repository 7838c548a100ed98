import type { Connection } from 'mysql2/promise';

/** How long a statement waits for locks. Below a minute, so that a run names the holder within a minute. */
export const lockWaitSeconds = { ofRow: 50, ofTable: 20 } as const;

/** How long an idle connection is kept, well below `wait_timeout`: a new one takes only a few milliseconds. */
export const idleMaxMs = 30_000;

const most = '18446744073709551615';

/**
 * Everything that decides what a statement means or how long it may run, because server defaults differ. Names that a
 * server does not know are left out. A number is written without quotes.
 */
const wanted: Readonly<Record<string, string | number>> = {
  autocommit: 'ON',
  completion_type: 'NO_CHAIN',
  default_collation_for_utf8mb4: 'utf8mb4_0900_ai_ci',
  default_storage_engine: 'InnoDB',
  explicit_defaults_for_timestamp: 'ON',
  foreign_key_checks: 'ON',
  // By default MySQL cuts a GROUP_CONCAT after 1,024 bytes, with only a warning.
  group_concat_max_len: 67_108_864,
  // An adoption must see the column of a primary key that the server has generated, because it replaces it.
  show_gipk_in_create_table_and_information_schema: 'ON',
  sql_auto_is_null: 'OFF',
  // A loose mode truncates values silently.
  sql_mode:
    'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
  sql_quote_show_create: 'ON',
  sql_safe_updates: 'OFF',
  time_zone: '+00:00',
  transaction_isolation: 'READ-COMMITTED',
  transaction_read_only: 'OFF',
  unique_checks: 'ON',
  // The names of the two in MariaDB.
  tx_isolation: 'READ-COMMITTED',
  tx_read_only: 'OFF',

  idle_readonly_transaction_timeout: 0,
  idle_transaction_timeout: 0,
  idle_write_transaction_timeout: 0,
  innodb_lock_wait_timeout: lockWaitSeconds.ofRow,
  lock_wait_timeout: lockWaitSeconds.ofTable,
  max_execution_time: 0,
  max_statement_time: 0,
  // If a worker's host disappears, its open transaction keeps the row of the lease locked. With these timeouts the server
  // closes a connection that is silent for a minute, even during a load, and rolls back.
  net_read_timeout: 60,
  net_write_timeout: 60,
  wait_timeout: 60,
};

/** What the service needs to know about a connection. */
export interface ConnectionFacts {
  /** The server's own id. The one of the handshake can be that of a proxy. */
  readonly id: number;
  readonly maxPacketBytes: number;
}

const keyRequired = 'sql_require_primary_key';
const names = [...Object.keys(wanted), keyRequired];
const deadlineMs = 10_000;

interface Setting {
  readonly Variable_name: string;
  readonly Value: string;
}

/**
 * The settings of a session that have not the value that every connection is given, as `name is value`. A proxy that shares
 * connections can lose them.
 */
export async function lostSettings(query: (sql: string) => Promise<readonly Setting[]>): Promise<string[]> {
  const found = await query(`SHOW SESSION VARIABLES WHERE Variable_name IN ('${names.join("', '")}')`);
  const lost = found.filter(({ Variable_name: name, Value: value }) => !isSet(name, value));
  return lost.map(({ Variable_name: name, Value: value }) => `${name} is ${value || "''"}`);
}

function isSet(name: string, value: string): boolean {
  if (name === keyRequired) return value === 'OFF';
  const target = wanted[name];
  return typeof target === 'number' ? Number(value) === target : value === target;
}

/** Gives a new connection our settings. A setting that already has its value is left alone: some need a privilege. */
export async function applySettings(connection: Connection): Promise<ConnectionFacts> {
  const query = async <Row>(sql: string) =>
    (await connection.query({ sql, timeout: deadlineMs }))[0] as Row[];
  // First, because these two also limit what the next statements return.
  await query(`SET SESSION sql_select_limit = ${most}, max_join_size = ${most}, sql_big_selects = 1`);
  const found = await query<Setting>(
    `SHOW SESSION VARIABLES WHERE Variable_name IN ('${names.join("', '")}')`,
  );
  const isKeyRequired = found.some(
    ({ Variable_name: name, Value: value }) => name === keyRequired && value === 'ON',
  );
  // Needs a privilege. Without it, only an adoption of tables without a key can fail, and says so.
  if (isKeyRequired) await query(`SET SESSION ${keyRequired} = OFF`).catch(() => undefined);
  const sets = found.flatMap(({ Variable_name: name, Value: value }) => {
    const target = wanted[name];
    if (target === undefined || isSet(name, value)) return [];
    return [`${name} = ${typeof target === 'string' ? `'${target}'` : target}`];
  });
  if (sets.length > 0) await query(`SET SESSION ${sets.join(', ')}`);
  await query('SET NAMES utf8mb4');
  const [facts] = await query<ConnectionFacts>(
    'SELECT CONNECTION_ID() AS id, @@max_allowed_packet AS maxPacketBytes',
  );
  return facts ?? { id: connection.threadId, maxPacketBytes: 0 };
}
