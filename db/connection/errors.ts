/** Expected failures of the database and of writes under a lease. The strings are failure types of the contract. */
export type DbErrorCode =
  | 'DatabaseUnreachable'
  | 'DatabaseRefused'
  | 'DatabaseBusy'
  | 'DatabaseNotReady'
  | 'CasesNotReady'
  | 'CasesRefused'
  | 'FencedOut'
  | 'LeaseHeld'
  | 'CountsDiffer'
  | 'RunNotUndoable'
  | 'ShadowLost'
  | 'NoSpace'
  | 'AdoptionRefused';

/** An expected failure of db/. Callers check its `code`, never its message. */
export class DbError extends Error {
  override readonly name = 'DbError';
  readonly code: DbErrorCode;

  constructor(code: DbErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** MySQL reported an error in the statement itself. This is a bug, unless the caller expects the `errno`. */
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

// Error numbers of the MySQL 8.0 reference. MariaDB uses the same numbers below 1900.
const codeByErrno: Readonly<Record<number, DbErrorCode>> = {
  1205: 'DatabaseBusy', // lock wait timeout
  1213: 'DatabaseBusy', // deadlock
  3572: 'DatabaseBusy', // NOWAIT
  1044: 'DatabaseRefused', // access to a schema denied
  1045: 'DatabaseRefused', // login denied
  1142: 'DatabaseRefused', // statement on a table denied
  1143: 'DatabaseRefused', // statement on a column denied
  1227: 'DatabaseRefused', // missing privilege
  1290: 'DatabaseRefused', // read-only server
  1698: 'DatabaseRefused', // login without password
  1820: 'DatabaseRefused', // password expired
  1836: 'DatabaseRefused', // read-only mode
  3118: 'DatabaseRefused', // account locked
  1046: 'DatabaseNotReady', // no schema selected: the scheduler schema does not exist yet
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

/** Messages that quote only names of tables and columns, or positions in a file. Others can quote values. */
const isQuotable = new Set([...Object.keys(codeByErrno).map(Number), 1148, 1264, 1406, 3948]);

interface MysqlError extends Error {
  readonly errno?: number;
  readonly code?: string;
  readonly sqlState?: string;
  /** mysql2 sets it when the connection is no longer usable. */
  readonly fatal?: boolean;
}

/**
 * Translates errors of mysql2; returns any other error unchanged.
 *
 * A message of MySQL can quote a value of a row or the statement, and a `cause` would carry both into logs and workflow
 * histories. So the original error is dropped. The number, name and state are kept; the text only if it quotes names.
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
    // Messages about the network or a certificate name hosts, never values of a row.
    return new DbError('DatabaseUnreachable', `Could not reach MySQL: ${cause.message || code}${during}.`);
  }
  return cause;
}
