import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { inject } from 'vitest';
import { readConfig } from '../../config/config.ts';
import { taskQueues } from '../../contract/task-queues.ts';
import type {
  CaseUpdateInput,
  CaseUpdateResult,
  NpiUpdateInput,
  NpiUpdateResult,
} from '../../contract/workflows.ts';
import { weeklySchedules, type CaseJob } from '../../contract/schedules.ts';
import type { Database } from '../../db/connection/pool.ts';
import { migrate } from '../../db/schema/migrate.ts';
import { schemaNames } from '../../db/schema/tables.ts';
import { createLog } from '../../telemetry/log.ts';
import { openDatabase, schemasOf } from '../../worker/database.ts';
import type { RunningWorker } from '../../worker/running.ts';
import { startWorker } from '../../worker/worker.ts';
import { installRuntime } from '../../worker/runtime.ts';
import { openNamespace } from './namespace.ts';
import { replayRuns } from './histories.ts';

const scheduledTime = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

// The SDK's runtime can be installed only once per process.
let isRuntimeInstalled = false;

export const forever = new AbortController().signal;

/** The whole pipeline for one test file: a page that lists the zips of a folder, a new database and a worker. */
export interface Pipeline {
  /** The page lists every zip in this folder. */
  readonly site: string;
  readonly archive: string;
  readonly database: Database;
  /** The application's schema. */
  readonly app: string;
  /** The environment for commands that run in their own process. */
  readonly env: NodeJS.ProcessEnv;
  readonly client: Client;
  /** A test that plays a faulty server sets `intercept`, which answers a request itself when it returns true. */
  readonly page: Page;
  query<Row>(sql: string): Promise<Row[]>;
  /** Starts any workflow with any input, as a person can in the Web UI. */
  startWorkflow(workflowType: string, input?: unknown): Promise<WorkflowHandle>;
  start(input?: NpiUpdateInput): Promise<WorkflowHandle>;
  run(input?: NpiUpdateInput): Promise<NpiUpdateResult>;
  startCases(job: CaseJob, input?: CaseUpdateInput): Promise<WorkflowHandle>;
  runCases(job: CaseJob, input?: CaseUpdateInput): Promise<CaseUpdateResult>;
  /** Runs the job as if its schedule had fired at `scheduledAt`. */
  runScheduledCases(job: CaseJob, scheduledAt: Date): Promise<CaseUpdateResult>;
  undo(runId: string): Promise<CaseUpdateResult>;
  /** Starts a worker in this process, for tests that did not ask for one at the start. */
  startWorker(): Promise<RunningWorker>;
  /** Empties every table and the page, and removes `page.intercept`. */
  reset(): Promise<void>;
  /** Replays every run on the current workflow code, then deletes the databases and folders. */
  stop(): Promise<void>;
}

interface Page {
  intercept?: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
}

/**
 * `name` separates test files, which run at the same time: the Temporal namespace has this name, and the schemas are
 * `<name>_app`, `<name>_search` and `<name>_own`.
 * With `hasWorker: false`, the test starts its own workers.
 */
export async function startPipeline(
  name: string,
  more: NodeJS.ProcessEnv = {},
  { hasWorker = true }: { readonly hasWorker?: boolean } = {},
): Promise<Pipeline> {
  const folder = mkdtempSync(join(tmpdir(), `surgicase-${name}-`));
  const site = mkdtempSync(join(folder, 'site-'));
  const page: Page = {};
  const server = await serve(site, page);
  const env = {
    DATABASE_URL: `${inject('mysqlUrl')}${name}_app`,
    SEARCH_SCHEMA: `${name}_search`,
    SCHEDULER_SCHEMA: `${name}_own`,
    NPPES_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/nppes/NPI_Files.html`,
    NPI_WORK_DIR: join(folder, 'work'),
    NPI_ARCHIVE_DIR: join(folder, 'archive'),
    NPI_MAX_REFUSED: '50%',
    // Other test files keep the same server busy.
    NPI_MAX_THREADS_RUNNING: '1000',
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    TEMPORAL_NAMESPACE: name,
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
  const client = await openNamespace(env.TEMPORAL_ADDRESS, env.TEMPORAL_NAMESPACE);
  const worker = hasWorker ? await startWorker(setup) : undefined;
  const started: WorkflowHandle[] = [];
  let startCount = 0;
  const startWorkflow = async (workflowType: string, input?: unknown, scheduledAt?: Date) => {
    const handle = await client.workflow.start(workflowType, {
      workflowId: `${name}-${(startCount += 1)}`,
      taskQueue: taskQueues.main,
      args: input === undefined ? [] : [input],
      ...(scheduledAt && { typedSearchAttributes: [{ key: scheduledTime, value: scheduledAt }] }),
    });
    started.push(handle);
    return handle;
  };
  const start = (input?: NpiUpdateInput) => startWorkflow('npiUpdate', input);
  const startCases = (job: CaseJob, input?: CaseUpdateInput) =>
    startWorkflow(weeklySchedules[job].workflowType, input);
  // A signal for each query: Node warns when more than ten of them listen to one at the same time.
  const query = <Row>(sql: string) =>
    database.session(new AbortController().signal, (session) => session.query<Row>(sql));
  return {
    site,
    archive: config.nppes.archiveDir,
    database,
    app: schemas.application,
    env,
    query,
    client,
    page,
    startWorkflow: (workflowType, input) => startWorkflow(workflowType, input),
    start,
    run: async (input) => (await (await start(input)).result()) as NpiUpdateResult,
    startCases,
    runCases: async (job, input) => (await (await startCases(job, input)).result()) as CaseUpdateResult,
    runScheduledCases: async (job, scheduledAt) => {
      const { workflowType } = weeklySchedules[job];
      return (await (await startWorkflow(workflowType, undefined, scheduledAt)).result()) as CaseUpdateResult;
    },
    undo: async (undoes) =>
      (await (await startWorkflow('caseUndo', { undoes })).result()) as CaseUpdateResult,
    startWorker: () => startWorker(setup),
    async reset() {
      page.intercept = undefined;
      for (const file of readdirSync(site)) rmSync(join(site, file));
      rmSync(config.nppes.archiveDir, { recursive: true, force: true });
      rmSync(config.nppes.workDir, { recursive: true, force: true });
      for (const { place } of await query<{ place: string }>(
        `SELECT CONCAT(table_schema, '.', table_name) AS place FROM information_schema.tables
         WHERE table_type = 'BASE TABLE' AND table_schema IN ('${schemaNames(schemas).join("', '")}') AND table_name NOT IN ('migration', 'search_letter')`,
      )) {
        await query(`DELETE FROM ${place}`);
      }
    },
    async stop() {
      await worker?.stop();
      await replayRuns(started);
      await client.connection.close();
      for (const schema of schemaNames(schemas)) await query(`DROP DATABASE ${schema}`);
      await database.close();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function serve(site: string, page: Page) {
  const server = createServer((request, response) => {
    if (page.intercept?.(request, response)) return;
    const name = (request.url ?? '').split('/').at(-1) ?? '';
    if (name.endsWith('.html')) {
      response.end(
        readdirSync(site)
          .map((zip) => `<li><a href='./${zip}'>${zip}</a>`)
          .join('\n'),
      );
      return;
    }
    if (!existsSync(join(site, name))) {
      response.writeHead(404).end();
      return;
    }
    const bytes = readFileSync(join(site, name));
    response.setHeader('content-length', bytes.length);
    response.end(request.method === 'HEAD' ? undefined : bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
