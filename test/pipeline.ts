import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { readConfig } from '../config.ts';
import { taskQueues } from '../contract/task-queues.ts';
import type { NpiUpdateInput, NpiUpdateResult } from '../contract/workflows.ts';
import type { Database } from '../db/connect.ts';
import { migrate } from '../db/migrate.ts';
import { createLog } from '../log.ts';
import { openDatabase, schemasOf } from '../worker/database.ts';
import { startWorker } from '../worker/run.ts';
import { installRuntime } from '../worker/runtime.ts';

// The SDK's runtime can be installed once in a process only.
let isRuntimeInstalled = false;

export const forever = new AbortController().signal;

/** A page with every zip of a folder, a fresh database, and a worker on it: the whole pipeline, for one test file. */
export interface Pipeline {
  /** Zips in here are on the page. */
  readonly site: string;
  readonly archive: string;
  readonly database: Database;
  /** For commands that are run as processes of their own. */
  readonly env: NodeJS.ProcessEnv;
  query<Row>(sql: string): Promise<Row[]>;
  run(input?: NpiUpdateInput): Promise<NpiUpdateResult>;
  /** Empties every table, and the page. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** `name` keeps schemas and workflow ids of test files apart. The schemas are `<name>_app`, `<name>_search`, `<name>_own`. */
export async function startPipeline(name: string, more: NodeJS.ProcessEnv = {}): Promise<Pipeline> {
  const folder = mkdtempSync(join(tmpdir(), `surgicase-${name}-`));
  const site = mkdtempSync(join(folder, 'site-'));
  const server = await serve(site);
  const address = inject('temporalAddress');
  const env = {
    DATABASE_URL: `${inject('mysqlUrl')}${name}_app`,
    SEARCH_SCHEMA: `${name}_search`,
    SCHEDULER_SCHEMA: `${name}_own`,
    NPPES_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/nppes/NPI_Files.html`,
    NPI_WORK_DIR: join(folder, 'work'),
    NPI_ARCHIVE_DIR: join(folder, 'archive'),
    NPI_MAX_REFUSED: '50%',
    TEMPORAL_ADDRESS: address,
    LOG_LEVEL: 'error',
    ...more,
  };
  const config = readConfig(env, ['database', 'temporal']);
  if (!config.database) throw new Error('DATABASE_URL gave no database.');
  const setup = { config, database: config.database, log: createLog(config.log, () => undefined) };
  if (!isRuntimeInstalled) installRuntime(setup.log);
  isRuntimeInstalled = true;
  const schemas = schemasOf(setup);
  const database = openDatabase(setup);
  await migrate(database, schemas, forever);
  const worker = await startWorker(setup);
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  let runs = 0;
  const query = <Row>(sql: string) => database.session(forever, (session) => session.query<Row>(sql));
  return {
    site,
    archive: config.nppes.archiveDir,
    database,
    env,
    query,
    run: (input) => {
      const workflowId = `${name}-${(runs += 1)}`;
      const args = input === undefined ? [] : [input];
      return client.workflow.execute('npiUpdate', {
        workflowId,
        taskQueue: taskQueues.main,
        args,
      }) as Promise<NpiUpdateResult>;
    },
    async reset() {
      for (const file of readdirSync(site)) rmSync(join(site, file));
      rmSync(config.nppes.archiveDir, { recursive: true, force: true });
      for (const { place } of await query<{ place: string }>(
        `SELECT CONCAT(table_schema, '.', table_name) AS place FROM information_schema.tables
         WHERE table_schema IN ('${Object.values(schemas).join("', '")}') AND table_name NOT IN ('migration', 'search_letter')`,
      )) {
        await query(`DELETE FROM ${place}`);
      }
    },
    async stop() {
      await worker.stop();
      await connection.close();
      for (const schema of Object.values(schemas)) await query(`DROP DATABASE ${schema}`);
      await database.close();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function serve(site: string) {
  const server = createServer((request, response) => {
    const name = (request.url ?? '').split('/').at(-1) ?? '';
    if (name.endsWith('.html')) {
      response.end(
        readdirSync(site)
          .map((zip) => `<li><a href='./${zip}'>${zip}</a>`)
          .join('\n'),
      );
      return;
    }
    const bytes = readFileSync(join(site, name));
    response.setHeader('content-length', bytes.length);
    response.end(request.method === 'HEAD' ? undefined : bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
