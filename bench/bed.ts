import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { readConfig } from '../config.ts';
import { taskQueues } from '../contract/task-queues.ts';
import type { NpiUpdateResult } from '../contract/workflows.ts';
import type { Database } from '../db/connect.ts';
import { migrate } from '../db/migrate.ts';
import { startCmsReplica } from '../local/cms-replica.ts';
import { startMysql } from '../local/mysql.ts';
import { startTemporal } from '../local/temporal.ts';
import { createLog } from '../log.ts';
import type { DatabaseOptions } from '../db/connection.ts';
import { databaseOptionsOf, openDatabase, schemasOf } from '../worker/database.ts';

export const forever: AbortSignal = new AbortController().signal;

/** Servers of a benchmark, with empty tables; everything goes when it is closed. */
export interface Bed {
  /** Zips in here are on the page. */
  readonly site: string;
  readonly database: Database;
  /** For connections of its own. */
  readonly databaseOptions: DatabaseOptions;
  /** Runs `npiUpdate` on a worker of its own, and says how much memory that process held. */
  runUpdate(): Promise<{
    readonly result: NpiUpdateResult;
    readonly idleMb: number;
    readonly peakMb: number;
  }>;
  close(): Promise<void>;
}

/** Brings up a MySQL and a Temporal for one benchmark. */
export async function openBed(): Promise<Bed> {
  const stateDir = mkdtempSync(join(tmpdir(), 'surgicase-bench-'));
  const site = join(stateDir, 'site');
  mkdirSync(site);
  const onAttempt = () => undefined;
  const [mysql, temporal, replica] = await Promise.all([
    startMysql({ stateDir, onAttempt }),
    startTemporal({ stateDir, onAttempt, onBuild: () => undefined }),
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
  return {
    site,
    database,
    databaseOptions: databaseOptionsOf(setup),
    runUpdate: () => withWorker(env, () => update(temporal.address)),
    async close() {
      await database.close();
      await Promise.all([mysql.stop(), temporal.stop(), replica.stop()]);
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

async function update(address: string): Promise<NpiUpdateResult> {
  const connection = await Connection.connect({ address });
  try {
    const options = { workflowId: 'bench', taskQueue: taskQueues.main };
    return (await new Client({ connection }).workflow.execute('npiUpdate', options)) as NpiUpdateResult;
  } finally {
    await connection.close();
  }
}

const cli = fileURLToPath(new URL('../client/cli.js', import.meta.url));
const sampleEveryMs = 100;
// A worker that has just come up still holds what its start needed.
const settleMs = 5000;

async function withWorker(env: NodeJS.ProcessEnv, work: () => Promise<NpiUpdateResult>) {
  const worker = spawn(process.execPath, [cli, 'worker'], {
    env: { ...process.env, ...env, LOG_LEVEL: 'info', LOG_FORMAT: 'json' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  await new Promise<void>((resolve) => {
    worker.stderr.on('data', (chunk: Buffer) => chunk.includes('worker is ready') && resolve());
  });
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const idleMb = residentMb(worker.pid);
  let peakMb = idleMb;
  const timer = setInterval(() => {
    peakMb = Math.max(peakMb, residentMb(worker.pid));
  }, sampleEveryMs);
  try {
    return { result: await work(), idleMb, peakMb };
  } finally {
    clearInterval(timer);
    worker.kill('SIGTERM');
    await exit;
  }
}

function residentMb(pid: number | undefined): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1000;
}
