import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { readConfig } from '../config/config.ts';
import { taskQueues } from '../contract/task-queues.ts';
import type { NpiUpdateInput, NpiUpdateResult } from '../contract/workflows.ts';
import type { Database } from '../db/connection/pool.ts';
import { migrate } from '../db/schema/migrate.ts';
import { startCmsReplica } from '../local/cms-replica.ts';
import { startMysql } from '../local/mysql.ts';
import { unwatched } from '../local/service.ts';
import { startTemporal } from '../local/temporal.ts';
import { createLog } from '../telemetry/log.ts';
import type { DatabaseOptions } from '../db/connection/open-connection.ts';
import { databaseOptionsOf, openDatabase, schemasOf } from '../worker/database.ts';
import type { BenchOptions } from './options.ts';
import type { Stage } from './table.ts';
import { cpuSeconds, withWorker, type MeasuredRun } from './worker-process.ts';

export const forever: AbortSignal = new AbortController().signal;

/** The servers of a benchmark, with empty tables. `close` removes everything. */
export interface Bed {
  /** A folder for the benchmark's own files. */
  readonly folder: string;
  /** The page lists the zips in this folder. */
  readonly site: string;
  readonly database: Database;
  /** The environment for commands that run as separate processes. */
  readonly env: NodeJS.ProcessEnv;
  /** For the benchmark's own connections. */
  readonly databaseOptions: DatabaseOptions;
  /** Runs `npiUpdate` on a new worker. `around` is called when the worker is ready, and calls the run itself. */
  runUpdate(
    input?: NpiUpdateInput,
    around?: (update: () => Promise<void>) => Promise<void>,
  ): Promise<MeasuredRun>;
  /** Measures work of the server alone. */
  serverStage(work: () => Promise<unknown>): Promise<Required<Stage>>;
  /** Restarts the server with an empty buffer pool. */
  restartServer(): Promise<void>;
  close(): Promise<void>;
}

// The server itself reads the files of the limit measurements. MySQL's documentation advises a redo log that holds a load.
const serverSettings = ({ poolMb, binlog }: Required<ServerOptions>) => [
  `--innodb-buffer-pool-size=${poolMb}M`,
  '--loose-innodb-redo-log-capacity=2G',
  '--secure-file-priv=',
  // Otherwise the server refills its buffer pool at start, and the pool is not cold.
  '--loose-innodb-buffer-pool-load-at-startup=OFF',
  // The later of two options counts: local/mysql.ts turns the log off.
  ...(binlog ? ['--log-bin=binlog', '--server-id=1', '--sync-binlog=1'] : []),
];

type ServerOptions = Partial<Pick<BenchOptions, 'poolMb' | 'binlog'>>;

/** Starts MySQL and Temporal for one benchmark. */
export async function openBed({ poolMb = 512, binlog = false }: ServerOptions = {}): Promise<Bed> {
  const stateDir = mkdtempSync(join(tmpdir(), 'surgicase-bench-'));
  const site = join(stateDir, 'site');
  mkdirSync(site);
  const context = unwatched(stateDir);
  const startServer = () => startMysql({ ...context, settings: serverSettings({ poolMb, binlog }) });
  const [mysql, temporal, replica] = await Promise.all([
    startServer(),
    startTemporal(context),
    startCmsReplica({ folder: site }),
  ]);
  const env = {
    DATABASE_URL: `${mysql.url}allstars`,
    TEMPORAL_ADDRESS: temporal.address,
    NPPES_URL: replica.url,
    NPI_ARCHIVE_DIR: join(stateDir, 'archive'),
    NPI_WORK_DIR: join(stateDir, 'work'),
    LOG_LEVEL: 'warn',
  };
  const config = readConfig(env, ['database', 'temporal']);
  if (!config.database) throw new Error('The configuration of the benchmark has no database.');
  const setup = { config, database: config.database, log: createLog(config.log) };
  const database = openDatabase(setup);
  await migrate(database, schemasOf(setup), forever);
  let server = mysql;
  const serverPid = () => Number(readFileSync(join(stateDir, 'mysql', 'mysqld.pid'), 'utf8'));
  return {
    folder: stateDir,
    env,
    site,
    database,
    databaseOptions: databaseOptionsOf(setup),
    runUpdate: (input, around = (run) => run()) =>
      withWorker(env, serverPid(), async () => {
        let result: NpiUpdateResult | undefined;
        await around(async () => {
          result = await update(temporal.address, input);
        });
        if (!result) throw new Error('The benchmark did not run the update.');
        return result;
      }),
    async serverStage(work) {
      const startedCpu = cpuSeconds(serverPid());
      const startedMs = performance.now();
      await work();
      const seconds = (performance.now() - startedMs) / 1000;
      return { seconds, cpuSeconds: cpuSeconds(serverPid()) - startedCpu };
    },
    async restartServer() {
      await server.stop();
      server = await startServer();
    },
    async close() {
      await database.close();
      await Promise.all([server.stop(), temporal.stop(), replica.stop()]);
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

async function update(address: string, input?: NpiUpdateInput): Promise<NpiUpdateResult> {
  const connection = await Connection.connect({ address });
  try {
    const options = {
      workflowId: 'bench',
      taskQueue: taskQueues.main,
      args: input === undefined ? [] : [input],
    };
    return (await new Client({ connection }).workflow.execute('npiUpdate', options)) as NpiUpdateResult;
  } finally {
    await connection.close();
  }
}
