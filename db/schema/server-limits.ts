import type { Session } from '../connection/session.ts';
import { schemaNames, type Schemas } from './tables.ts';

/** Settings of the server by name, in lower case. A server has only those it knows. */
export type ServerSettings = Readonly<Record<string, string>>;

const names = [
  'lower_case_table_names',
  'read_only',
  'super_read_only',
  'innodb_read_only',
  'log_bin',
  'max_binlog_cache_size',
  'group_replication_group_name',
  'group_replication_transaction_size_limit',
  'wsrep_on',
  'wsrep_max_ws_size',
];

/** The global settings that decide whether the jobs can work at all. */
export async function serverSettings(session: Session): Promise<ServerSettings> {
  const found = await session.query<{ Variable_name: string; Value: string }>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('${names.join("', '")}')`,
  );
  return Object.fromEntries(
    found.map(({ Variable_name: name, Value: value }) => [name.toLowerCase(), value]),
  );
}

/** A setting that is wrong, and what to do. */
export interface SettingFault {
  readonly text: string;
  readonly fix: string;
}

/**
 * Room for the binary log of a weekly's publish, which is one transaction: 35 MB for 34,009 rows (MySQL 9.7.4, ROW format with
 * full images, November 2026), and a larger week. Group replication's own default is 150 MB.
 */
const weeklyBinlogBytes = 128 << 20;

/** Limits that the server sets to one transaction and that a weekly does not fit into. */
export function binlogFaults(settings: ServerSettings): SettingFault[] {
  const limits = [
    ['max_binlog_cache_size', settings['log_bin'] === 'ON'],
    // 0 means no limit here.
    ['group_replication_transaction_size_limit', Boolean(settings['group_replication_group_name'])],
    ['wsrep_max_ws_size', settings['wsrep_on'] === 'ON'],
  ] as const;
  return limits.flatMap(([name, isUsed]) => {
    const limit = Number(settings[name] ?? 0);
    if (!isUsed || limit === 0 || limit >= weeklyBinlogBytes) return [];
    return [
      {
        text: `${name} is ${limit}. A weekly is one transaction of up to ${weeklyBinlogBytes} bytes, which the server would refuse.`,
        fix: `Run SET GLOBAL ${name} = ${weeklyBinlogBytes}, and set it in the configuration of the server.`,
      },
    ];
  });
}

/** Settings with which the server refuses writes, or finds tables by another name than they have. */
export function serverFaults(settings: ServerSettings, schemas: Schemas): SettingFault[] {
  const readOnly = ['read_only', 'super_read_only', 'innodb_read_only'].filter(
    (name) => settings[name] === 'ON',
  );
  const capitals = schemaNames(schemas).filter((schema) => schema !== schema.toLowerCase());
  const isLowered =
    settings['lower_case_table_names'] !== undefined && settings['lower_case_table_names'] !== '0';
  return [
    ...(readOnly.length > 0
      ? [
          {
            text: `The server is read-only (${readOnly.join(', ')}).`,
            fix: 'If this is a reader endpoint or a replica, use the address of the writer.',
          },
        ]
      : []),
    ...(isLowered && capitals.length > 0
      ? [
          {
            text: `The server has lower_case_table_names=${settings['lower_case_table_names']}, so it knows no schema ${capitals.join(', ')}.`,
            fix: 'Write the schemas in lower case in DATABASE_URL, SEARCH_SCHEMA and SCHEDULER_SCHEMA.',
          },
        ]
      : []),
  ];
}
