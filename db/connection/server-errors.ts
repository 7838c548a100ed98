import type { DbErrorCode } from './errors.ts';

/** What an error number of MySQL or MariaDB means for a run, and what a person can do about it. */
export interface ServerError {
  /** Absent: the statement itself failed (StatementError). */
  readonly code?: DbErrorCode;
  readonly hint?: string;
}

const busy: ServerError = { code: 'DatabaseBusy' };
const refused: ServerError = { code: 'DatabaseRefused' };
const notReady: ServerError = { code: 'DatabaseNotReady' };
const unreachable: ServerError = { code: 'DatabaseUnreachable' };
const noSpace: ServerError = { code: 'NoSpace' };
const failed: ServerError = {};
const readOnly: ServerError = { code: 'DatabaseReadOnly', hint: 'Is this a reader endpoint?' };
const expired: ServerError = {
  code: 'DatabaseRefused',
  hint: 'Set a new password for this login, and update DATABASE_URL or the secret.',
};

/**
 * The known errors by number, from the references of MySQL 8.0 and MariaDB 10.11. The message of each quotes only names of
 * tables, columns, settings and logins. The message of any other number can quote values of a row, so it is never shown.
 */
export const serverErrors: Readonly<Record<number, ServerError>> = {
  1020: busy, // a row has changed since it was read (MariaDB)
  1205: busy, // lock wait timeout
  1213: busy, // deadlock
  1412: busy, // the table has changed since the transaction began
  3101: busy, // rolled back by group replication
  3572: busy, // NOWAIT

  1290: readOnly, // the server runs with --read-only or --super-read-only
  1792: readOnly, // read-only transaction
  1836: readOnly, // read-only mode
  1874: readOnly, // InnoDB in read-only mode
  3989: readOnly, // schema in read-only mode

  1044: refused, // access to a schema denied
  1045: refused, // login denied
  1130: refused, // host not allowed
  1142: refused, // statement on a table denied
  1143: refused, // statement on a column denied
  1227: refused, // missing privilege
  1251: refused, // authentication protocol not supported
  1370: refused, // statement on a routine denied
  1524: refused, // authentication plugin not loaded
  1698: refused, // login without password
  3118: refused, // account locked
  3955: refused, // account blocked after failed logins
  4151: refused, // account locked (MariaDB)
  1820: expired, // password expired
  1862: expired, // password expired, login refused
  1153: {
    code: 'DatabaseRefused',
    hint: 'Raise max_allowed_packet of the server, or of a proxy in front of it.',
  },
  1175: { code: 'DatabaseRefused', hint: 'Turn sql_safe_updates off for this login.' },
  1665: { code: 'DatabaseRefused', hint: 'Set binlog_format to ROW or MIXED.' },
  3159: {
    code: 'DatabaseRefused',
    hint: 'The server accepts only TLS. Add ?ssl-ca=/path/of/ca.pem or ?ssl=rds to DATABASE_URL, or set DB_SSL_CA or DB_SSL.',
  },
  3750: {
    code: 'DatabaseRefused',
    hint: 'The server has sql_require_primary_key=ON. Add a primary key to the table, or turn the setting off.',
  },

  1046: notReady, // no schema selected: the scheduler schema does not exist yet
  1049: notReady, // unknown schema
  1054: notReady, // unknown column
  1146: notReady, // unknown table

  1040: unreachable, // too many connections
  1047: unreachable, // a node of a Galera cluster is not ready, or a proxy does not know the command
  1053: unreachable, // shutdown in progress
  1077: unreachable, // shutdown
  1129: unreachable, // host blocked
  1135: unreachable, // the server cannot start a thread
  1152: unreachable, // connection aborted
  1158: unreachable, // network: reading a packet
  1159: unreachable, // network: timeout while reading
  1160: unreachable, // network: writing a packet
  1161: unreachable, // network: timeout while writing
  1180: unreachable, // error during a commit
  1184: unreachable, // connection aborted
  1203: unreachable, // too many connections of this user
  1226: {
    code: 'DatabaseUnreachable',
    hint: 'This login has reached a limit of its account. Raise it with ALTER USER … WITH.',
  },
  1317: unreachable, // statement killed
  1927: unreachable, // connection killed (MariaDB)
  3032: unreachable, // offline mode
  3168: unreachable, // server not available
  3169: unreachable, // session killed
  4031: unreachable, // disconnected for inactivity

  3: noSpace, // error writing a file
  1021: noSpace, // disk full
  1026: noSpace, // error writing a file
  1114: noSpace, // table full
  1878: noSpace, // temporary file

  1048: failed, // a column must not be NULL
  1050: failed, // the table exists
  1071: failed, // key too long
  1094: failed, // unknown thread
  1104: failed, // SELECT too large for max_join_size
  1118: failed, // row too large
  1148: failed, // LOAD DATA LOCAL not allowed
  1193: failed, // unknown system variable
  1206: { hint: 'Raise innodb_buffer_pool_size: the lock table is full.' },
  1235: failed, // not supported by this version
  1264: failed, // number out of range
  1273: failed, // unknown collation
  1364: failed, // a column has no default
  1406: failed, // text too long
  1451: failed, // foreign key
  1452: failed, // foreign key
  1969: { hint: 'Raise max_statement_time for this login.' },
  3024: { hint: 'Raise max_execution_time for this login.' },
  3819: failed, // CHECK constraint
  3948: failed, // LOAD DATA LOCAL not allowed
  4025: failed, // CHECK constraint (MariaDB)
};
