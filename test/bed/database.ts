import { inject } from 'vitest';
import { connect, type Database } from '../../db/connection/pool.ts';
import { staticCredentials } from '../../db/connection/credentials.ts';

/** Opens the MySQL server of this test run, for tests that need no pipeline. */
export function openDatabase(schema: string): Database {
  const server = new URL(inject('mysqlUrl'));
  const credentials = staticCredentials({
    user: decodeURIComponent(server.username),
    password: decodeURIComponent(server.password),
  });
  return connect({ host: server.hostname, port: Number(server.port), schema, credentials });
}
