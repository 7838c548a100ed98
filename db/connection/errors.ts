/** What can be wrong with the database or with our right to write. The strings are the failure types of the contract. */
export type DbErrorCode =
  | 'DatabaseUnreachable'
  | 'DatabaseRefused'
  | 'DatabaseBusy'
  | 'DatabaseNotReady'
  | 'CasesNotReady'
  | 'FencedOut'
  | 'LeaseHeld'
  | 'CountsDiffer'
  | 'RunNotUndoable'
  | 'ShadowLost'
  | 'NoSpace'
  | 'AdoptionRefused';

/** An expected failure of this floor; told apart by `code`, never by its message. */
export class DbError extends Error {
  override readonly name = 'DbError';
  readonly code: DbErrorCode;

  constructor(code: DbErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A statement that MySQL refused for its own fault: a defect, unless the caller expects this `errno`. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
  readonly errno: number;
  readonly sqlState: string;

  constructor(message: string, errno: number, sqlState: string) {
    super(message);
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

// Numbers of the MySQL 8.0 error reference; MariaDB shares those below 1900.
const codeByErrno: Readonly<Record<number, DbErrorCode>> = {
  1205: 'DatabaseBusy', // lock wait timeout
  1213: 'DatabaseBusy', // deadlock
  3572: 'DatabaseBusy', // NOWAIT
  1044: 'DatabaseRefused', // access to a schema
  1045: 'DatabaseRefused', // login
  1142: 'DatabaseRefused', // command on a table
  1143: 'DatabaseRefused', // command on a column
  1227: 'DatabaseRefused', // a privilege is missing
  1290: 'DatabaseRefused', // read-only server
  1698: 'DatabaseRefused', // login without password
  1820: 'DatabaseRefused', // password expired
  1836: 'DatabaseRefused', // read-only mode
  3118: 'DatabaseRefused', // account locked
  1046: 'DatabaseNotReady', // no schema selected: ours does not exist yet
  1049: 'DatabaseNotReady', // unknown schema
  1054: 'DatabaseNotReady', // unknown column
  1146: 'DatabaseNotReady', // unknown table
  1040: 'DatabaseUnreachable', // too many connections
  1053: 'DatabaseUnreachable', // shutdown in progress
  1077: 'DatabaseUnreachable', // shutdown
  1129: 'DatabaseUnreachable', // host blocked
  1203: 'DatabaseUnreachable', // too many connections of this user
  1927: 'DatabaseUnreachable', // connection killed (MariaDB)
  4031: 'DatabaseUnreachable', // disconnected for inactivity
  1021: 'NoSpace', // disk full
  1114: 'NoSpace', // table full
};

const isLostConnection =
  /^(E(CONN|HOST|NET|PIPE|TIMEDOUT|NOTFOUND|AI_)|PROTOCOL_|HANDSHAKE_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS|ERR_SSL)/;

/** Names of tables and columns and places in a file; the other messages of MySQL quote values or the statement. */
const isQuotable = new Set([...Object.keys(codeByErrno).map(Number), 1148, 1264, 1406, 3948]);

interface MysqlError extends Error {
  readonly errno?: number;
  readonly code?: string;
  readonly sqlState?: string;
  /** mysql2's word for a connection that is of no use any more. */
  readonly fatal?: boolean;
}

/**
 * Translates what mysql2 throws; anything else comes back as it is.
 *
 * A message of MySQL may quote a value of a row or the statement, and the cause would carry both into logs and
 * workflow histories, so the original is dropped: number, name and state are kept, the text only where it names things.
 */
export function dbError(cause: unknown, label?: string): Error {
  if (!(cause instanceof Error)) return new Error(String(cause));
  const { errno, code, sqlState, fatal: isFatal } = cause as MysqlError;
  const during = label === undefined ? '' : ` (during ${label})`;
  if (typeof sqlState === 'string' && errno !== undefined) {
    const words = isQuotable.has(errno) ? `: ${cause.message}` : '';
    const message = `MySQL ${errno} ${code ?? ''} [${sqlState}]${words}${during}`;
    const known = codeByErrno[errno];
    return known === undefined ? new StatementError(message, errno, sqlState) : new DbError(known, message);
  }
  if (code === 'ENOSPC') return new DbError('NoSpace', `The disk is full${during}.`);
  if (isFatal || (code !== undefined && isLostConnection.test(code))) {
    // A network's or a certificate's own words: they name hosts, never a row.
    return new DbError('DatabaseUnreachable', `MySQL cannot be reached: ${cause.message || code}${during}.`);
  }
  return cause;
}
