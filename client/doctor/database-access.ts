import type { Config } from '../../config/config.ts';
import { failures } from '../../contract/failures.ts';
import { DbError } from '../../db/connection/errors.ts';
import { createLog } from '../../telemetry/log.ts';
import { openDatabase, schemasOf } from '../../worker/database.ts';
import { wrong, type Finding } from './check.ts';
import type { DatabaseSubject } from './database.ts';

/** Why the database cannot be asked anything. */
interface NoAccess {
  readonly fault: Finding;
}

/** Runs `use` in a session of the configured database, or says why there is none. */
export async function withDatabaseSubject<Result extends object>(
  config: Config,
  use: (subject: DatabaseSubject, address: string) => Promise<Result>,
): Promise<Result | NoAccess> {
  const { database } = config;
  if (!database)
    return {
      fault: wrong(
        'DATABASE_URL is not set.',
        'Set it to mysql://user:password@host:3306/schema, or set DB_SECRET_ID, DB_HOST and DB_NAME.',
      ),
    };
  const setup = { config, database, log: createLog(config.log) };
  const opened = openDatabase(setup);
  try {
    const schemas = schemasOf(setup);
    return await opened.session(new AbortController().signal, (session) =>
      use({ config, session, schemas }, `${database.host}:${database.port}`),
    );
  } catch (error) {
    if (error instanceof DbError) return { fault: wrong(ended(error.message), fixOf(error, config)) };
    throw error;
  } finally {
    await opened.close();
  }
}

const ended = (text: string) => (/[.?!]$/.test(text) ? text : `${text}.`);

// MySQL refuses a login that must use TLS with the same number as a wrong password.
const loginRefused = new Set([1045, 1698]);
const schemaRefused = 1044;

function fixOf({ code, errno = 0, message }: DbError, { database }: Config): string {
  const source = database && 'secretId' in database.login ? 'the secret' : 'DATABASE_URL';
  if (loginRefused.has(errno)) {
    const tls = database?.tls
      ? ''
      : ' If both are right, the account may accept only TLS: add ?ssl-ca=/path/of/ca.pem or ?ssl=rds (DB_SSL_CA or DB_SSL with a secret).';
    return `Correct user and password in ${source}.${tls}`;
  }
  if (errno === schemaRefused) return 'As an administrator, run what `surgicase db grants` prints.';
  // The message already says what to do.
  if (code.startsWith('Secret')) return '';
  if (/[?] |Add \?ssl-ca|Set a new password|Raise /.test(message)) return '';
  return failures[code].nextStep;
}
