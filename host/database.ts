import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database } from '../db/connection/pool.ts';
import type { Log } from '../telemetry/log.ts';
import { openDatabase, type WorkerSetup } from '../worker/database.ts';

let kept: { readonly key: string; readonly database: Database } | undefined;

/** Several calls of the host use the database at the same time, each with a log of its own. */
const logOfCall = new AsyncLocalStorage<Log>();
const log = { debug: ((...line) => logOfCall.getStore()?.debug(...line)) as Log['debug'] };

/**
 * Runs `use` on the database of the host's calls. It stays open between the calls, and its idle connections do not keep the
 * process alive. When the configuration has changed, another one is opened.
 */
export function withHostDatabase<Result>(
  { config, database, log: called }: WorkerSetup,
  use: (database: Database) => Promise<Result>,
): Promise<Result> {
  const key = JSON.stringify([database, config.schedulerSchema, config.proxies]);
  // Calls may still use the other database. MySQL closes its idle connections after a minute.
  if (kept?.key !== key) kept = { key, database: openDatabase({ config, database, log }) };
  const opened = kept.database;
  return logOfCall.run(called, () => use(opened));
}
