import type { Config } from '../config/config.ts';
import { failures } from '../contract/failures.ts';
import type { Database } from '../db/connection/pool.ts';
import { DbError } from '../db/connection/errors.ts';
import type { Schemas } from '../db/schema/tables.ts';
import { createLog } from '../telemetry/log.ts';
import { openDatabase, schemasOf } from '../worker/database.ts';
import { CommandError, exitCodes } from './exit.ts';

/** Runs `use` on the configured database, then closes it. Expected errors become exit codes. */
export async function withDatabase<Result>(
  config: Config,
  use: (database: Database, schemas: Schemas) => Promise<Result>,
): Promise<Result> {
  if (!config.database) throw new CommandError(exitCodes.usage, 'DATABASE_URL is required.');
  const setup = { config, database: config.database, log: createLog(config.log) };
  const database = openDatabase(setup);
  try {
    return await use(database, schemasOf(setup));
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    throw new CommandError(exitCodeOf(error), `${error.message} ${failures[error.code].nextStep}`);
  } finally {
    await database.close();
  }
}

function exitCodeOf({ code }: DbError): number {
  if (code === 'DatabaseUnreachable' || code === 'SecretUnreachable') return exitCodes.unreachable;
  if (code === 'SecretRefused') return exitCodes.usage;
  return code === 'LeaseHeld' ? exitCodes.alreadyRunning : exitCodes.failed;
}
