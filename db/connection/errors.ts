import { serverErrors } from './server-errors.ts';

/** Expected failures of the database and of writes under a lease. The strings are failure types of the contract. */
export type DbErrorCode =
  | 'DatabaseUnreachable'
  | 'DatabaseRefused'
  | 'SecretRefused'
  | 'SecretUnreachable'
  | 'DatabaseReadOnly'
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
  | 'RollbackRefused'
  | 'AdoptionRefused';

interface DbErrorFacts {
  readonly errno?: number | undefined;
  readonly isTableLock?: boolean;
}

/** An expected failure of db/. Callers check its `code`, never its message. */
export class DbError extends Error {
  override readonly name = 'DbError';
  readonly code: DbErrorCode;
  /** The number of an error that MySQL reported. */
  readonly errno: number | undefined;
  /** DatabaseBusy: the statement waited for a lock on a whole table. */
  readonly isTableLock: boolean;

  constructor(code: DbErrorCode, message: string, { errno, isTableLock = false }: DbErrorFacts = {}) {
    super(message);
    this.code = code;
    this.errno = errno;
    this.isTableLock = isTableLock;
  }
}

/** MySQL refused the statement itself: a setting of the server, a value, or a bug. Callers may expect the `errno`. */
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

/** The number of MySQL's error, if MySQL reported one. */
export function serverErrno(error: unknown): number | undefined {
  return error instanceof DbError || error instanceof StatementError ? error.errno : undefined;
}

const isLostConnection =
  /^(E(CONN|HOST|NET|PIPE|TIMEDOUT|NOTFOUND|AI_)|PROTOCOL_|HANDSHAKE_|ERR_TLS|ERR_SSL)/;

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
    const known = serverErrors[errno];
    const words = known === undefined ? '' : `: ${cause.message}`;
    const hint = known?.hint === undefined ? '' : `. ${known.hint}`;
    const message = `MySQL ${errno} ${code ?? ''} [${sqlState}]${words}${during}${hint}`;
    if (known?.code === undefined) return new StatementError(message, errno, sqlState);
    return new DbError(known.code, message, { errno });
  }
  if (code === 'ENOSPC') return new DbError('NoSpace', `The disk is full${during}.`);
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT')
    return new DbError('DatabaseRefused', `${cause.message}${during}.`);
  if (isFatal || (code !== undefined && isLostConnection.test(code))) {
    // Messages about the network or a certificate name hosts, never values of a row.
    return new DbError('DatabaseUnreachable', `Could not reach MySQL: ${cause.message || code}${during}.`);
  }
  return cause;
}
