import { spawn, type ChildProcess } from 'node:child_process';
import type { WorkflowHandle } from '@temporalio/client';
import type { NpiUpdateResult } from '../../contract/workflows.ts';
import { npiColumns } from '../../db/schema/npi-columns.ts';
import { searchLetters } from '../../db/schema/tables.ts';
import { cli } from '../bed/cli.ts';
import type { Pipeline } from '../bed/pipeline.ts';
import { onStop } from '../bed/on-stop.ts';
import { startSqlProxy, type SqlProxy, type Verdict } from '../bed/sql-proxy.ts';

/** A worker in its own process, which a test can kill or freeze like a host. */
export interface WorkerProcess {
  readonly child: ChildProcess;
  readonly exit: Promise<void>;
  /** All log lines so far. */
  lines(): string;
}

const workerProcesses = new Set<ChildProcess>();

/** Kills every worker of this bed that still runs or is frozen. */
export function killWorkerProcesses(): void {
  for (const child of workerProcesses) child.kill('SIGKILL');
}

// A frozen worker does not hear Ctrl-C.
onStop(killWorkerProcesses);

/** Starts `surgicase worker` and waits until it polls. */
export async function startWorkerProcess(
  env: NodeJS.ProcessEnv,
  options: readonly string[] = [],
): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [cli, 'worker', ...options], {
    env: { PATH: process.env['PATH'], ...env, LOG_LEVEL: 'info', LOG_FORMAT: 'json' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  workerProcesses.add(child);
  let text = '';
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void exit.then(() => workerProcesses.delete(child));
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('worker is ready')) resolve();
    });
    void exit.then(() => reject(new Error(`The worker ended before it was ready:\n${text}`)));
  });
  return { child, exit, lines: () => text };
}

/**
 * Starts a worker behind a proxy. At the statement that `judge` chooses, it is killed or frozen, or loses its
 * connections.
 */
export async function startDoomedWorker(
  env: NodeJS.ProcessEnv,
  how: 'SIGKILL' | 'SIGSTOP' | 'lost connections',
  judge: (sql: string) => Verdict,
): Promise<WorkerProcess & { readonly proxy: SqlProxy; readonly stopped: Promise<void> }> {
  const url = new URL(env['DATABASE_URL'] ?? '');
  let worker: WorkerProcess | undefined;
  let tellStopped: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    tellStopped = resolve;
  });
  let isStopped = false;
  const proxy = await startSqlProxy(
    { host: url.hostname, port: Number(url.port) },
    {
      judge: (sql) => (isStopped ? 'pass' : judge(sql)),
      stop: () => {
        isStopped = true;
        if (how === 'lost connections') proxy.drop();
        else worker?.child.kill(how);
        tellStopped();
      },
    },
  );
  url.port = String(proxy.port);
  worker = await startWorkerProcess({ ...env, DATABASE_URL: url.href });
  return { ...worker, proxy, stopped };
}

/** Count and checksum of every table after a run, without times, run ids and epochs. */
export async function traces(name: string, { query }: Pipeline): Promise<unknown> {
  const provider = [...npiColumns.map((column) => column.name), 'data_release', 'deactivation_release'];
  const place = ['address', 'city', 'state', 'zip'];
  const names = { surgeon: ['first_name', 'last_name'], facility: ['facility_name'] } as const;
  const search = (['surgeon', 'facility'] as const).flatMap((kind) =>
    ['all', ...searchLetters].map((suffix) =>
      digest(`${name}_search.search_${kind}_${suffix}`, ['npi', ...names[kind], ...place]),
    ),
  );
  const digests = [
    ...[0, 1, 2].map((type) => digest(`${name}_app.npi_data_${type}`, provider)),
    ...search,
    digest(`${name}_app.npi_update_log`, [
      'filename_processed',
      'total_rows',
      'total_0_rows',
      'total_1_rows',
    ]),
    digest(`${name}_app.npi_search_table_log`, ['table_name', 'records_inserted', 'status']),
    digest(`${name}_own.npi_release`, ['release_id', 'file_name', 'sha256']),
    digest(`${name}_own.npi_version`, ['release_id', 'kind', 'stub_date', 'place', ...provider]),
    digest(`${name}_own.npi_quarantine`, ['release_id', 'row_no', 'npi', 'reason', 'cleared_by']),
    digest(`${name}_own.npi_unreported`, ['npi']),
    digest(`${name}_own.npi_live`, ['release_id']),
    digest(`${name}_own.npi_superseded`, ['file_name', 'superseded_by']),
    digest(`${name}_own.npi_shadow`, ['run_id']),
    digest(`${name}_own.npi_shadow_range`, ['run_id']),
  ];
  const found = await query<{ place: string }>(digests.join(' UNION ALL '));
  const stagings = await query(
    `SELECT table_name AS leftover FROM information_schema.tables
     WHERE table_schema = '${name}_own' AND table_name REGEXP '^npi_(stage|old|shadow_[0-9a-f]{12})_'`,
  );
  return { tables: found.map((row) => ({ ...row, place: row.place.replace(name, '') })), stagings };
}

function digest(place: string, columns: readonly string[]): string {
  const row = `CONCAT_WS(CHAR(1), ${columns.map((column) => `COALESCE(${column}, CHAR(2))`).join(', ')})`;
  return `SELECT '${place}' AS place, COUNT(*) AS rowCount, COALESCE(SUM(CRC32(${row})), 0) AS sum FROM ${place}`;
}

/** Throws when a run ends before the statement that should stop its worker. */
export async function endsUnseen(handle: WorkflowHandle): Promise<never> {
  await handle.result();
  throw new Error('The run has ended, and the statement that was to stop its worker never came.');
}

/** Lets an undisturbed worker finish the run, and gives everything the run left behind. */
export async function finish(name: string, pipeline: Pipeline, handle: WorkflowHandle): Promise<unknown> {
  const worker = await startWorkerProcess(pipeline.env);
  try {
    return await leftBehind(name, pipeline, handle);
  } finally {
    worker.child.kill('SIGTERM');
    await worker.exit;
  }
}

/** Waits for the end of the run, and gives everything it left behind. */
export async function leftBehind(name: string, pipeline: Pipeline, handle: WorkflowHandle): Promise<unknown> {
  const { outcome, releases } = (await handle.result()) as NpiUpdateResult;
  const counts = releases.map((release) => release.counts);
  const ledger = await pipeline.query('SELECT outcome, failure_type FROM run');
  const lease = await pipeline.query('SELECT run_id FROM lease');
  const log = await pipeline.query(
    `SELECT filename_processed AS member, COUNT(*) AS times FROM ${pipeline.app}.npi_update_log GROUP BY 1 ORDER BY 1`,
  );
  return { outcome, counts, ledger, lease, log, traces: await traces(name, pipeline) };
}
