import type { Config, DatabaseConfig } from '../config/config.ts';
import { connect, type Database } from '../db/connection/pool.ts';
import type { DatabaseOptions } from '../db/connection/open-connection.ts';
import { secretCredentials, staticCredentials } from '../db/connection/credentials.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What a worker is made of; `database` is the configuration's, known to be there. */
export interface WorkerSetup {
  readonly config: Config;
  readonly database: DatabaseConfig;
  readonly log: Log;
  /** A host's own; Temporal's metrics when absent. */
  readonly metrics?: Metrics;
}

/** The database of a configuration, its statements' times going to the debug log. */
export function openDatabase(setup: WorkerSetup): Database {
  const { log } = setup;
  return connect(databaseOptionsOf(setup), {
    onStatement: ({ sql, ms, rows }) => log.debug('statement', { sql, ms: Math.round(ms), rows }),
  });
}

/** Where the database is and how it lets us in; the service's own schema is every session's default. */
export function databaseOptionsOf({
  config,
  database,
}: Pick<WorkerSetup, 'config' | 'database'>): DatabaseOptions {
  const { host, port, caPem, login } = database;
  const credentials = 'secretId' in login ? secretCredentials(login.secretId) : staticCredentials(login);
  return { host, port, credentials, schema: config.schedulerSchema, ...(caPem !== undefined && { caPem }) };
}

/** The three schemas of a configuration. */
export function schemasOf({ config, database }: Pick<WorkerSetup, 'config' | 'database'>) {
  return { application: database.name, search: config.searchSchema, scheduler: config.schedulerSchema };
}
