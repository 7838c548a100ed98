import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Config, DatabaseConfig } from '../config/config.ts';
import { connect, type Database } from '../db/connection/pool.ts';
import type { DatabaseOptions } from '../db/connection/open-connection.ts';
import { secretCredentials, staticCredentials } from '../db/connection/credentials.ts';
import type { Schemas } from '../db/schema/tables.ts';
import { outgoing } from './outgoing.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What a worker needs. `database` is the one of `config`, checked to be present. */
export interface WorkerSetup {
  readonly config: Config;
  readonly database: DatabaseConfig;
  readonly log: Log;
  /** The metrics of a host application; absent: Temporal's metrics. */
  readonly metrics?: Metrics;
  /** Interceptors of a host application. */
  readonly activityInterceptors?: readonly ActivityInterceptorsFactory[];
}

/** Opens the configured database. The debug log gets the time of each statement, and so do the metrics if there are any. */
export function openDatabase(
  setup: Pick<WorkerSetup, 'config' | 'database'> & { readonly log: Pick<Log, 'debug'> },
  metrics?: Metrics,
): Database {
  const { log } = setup;
  return connect(databaseOptionsOf(setup), {
    onStatement: ({ sql, ms, rows }) => {
      log.debug('statement', { sql, ms: Math.round(ms), rows });
      metrics?.recordSeconds('surgicase_database_statement', ms / 1000, {});
    },
  });
}

/** Address and login of the database. Every session starts in the service's own schema. */
export function databaseOptionsOf({
  config,
  database,
}: Pick<WorkerSetup, 'config' | 'database'>): DatabaseOptions {
  const { host, port, tls, login } = database;
  const credentials =
    'secretId' in login
      ? secretCredentials(login.secretId, outgoing(config.proxies))
      : staticCredentials(login);
  return { host, port, credentials, schema: config.schedulerSchema, ...(tls && { tls }) };
}

/** The names of the three configured schemas, and whether loads fill the reference tables. */
export function schemasOf({ config, database }: Pick<WorkerSetup, 'config' | 'database'>): Schemas {
  const { searchSchema, schedulerSchema, nppes } = config;
  return {
    application: database.name,
    search: searchSchema,
    scheduler: schedulerSchema,
    hasReferences: nppes.hasReferences,
  };
}
