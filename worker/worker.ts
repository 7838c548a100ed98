import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import { taskQueues } from '../contract/task-queues.ts';
import { notifier } from '../telemetry/notify.ts';
import { workflowCode } from './bundle.ts';
import { openDatabase, schemasOf, type WorkerSetup } from './database.ts';
import { temporalMetrics } from './metrics.ts';

/** A worker that polls both task queues. */
export interface RunningWorker {
  /** Resolves when the worker has stopped; rejects with the error that stopped it. */
  readonly done: Promise<void>;
  /** Gives running activities 5 seconds to end, then cancels them; then closes the pool and the connection. */
  stop(): Promise<void>;
}

const rowsPerBlock = 5000;
const casesPerBatch = 1000;

/** Starts a worker: workflows and short activities on one queue, and loads, one at a time, on the other. */
export async function startWorker(setup: WorkerSetup): Promise<RunningWorker> {
  const { config, log } = setup;
  const { connectionOptions, namespace } = config.temporal;
  const connection = await NativeConnection.connect(connectionOptions);
  const database = openDatabase(setup);
  const activities = createActivities({
    database,
    schemas: schemasOf(setup),
    log,
    pageUrl: config.nppes.url,
    archiveDir: config.nppes.archiveDir,
    ...(config.nppes.archiveKeepCount !== undefined && { archiveKeepCount: config.nppes.archiveKeepCount }),
    workDir: config.nppes.workDir,
    maxRefusedFraction: config.nppes.maxRefusedFraction,
    baselineRule: config.nppes.baselineRule,
    minRowsFraction: config.nppes.minRowsFraction,
    heartbeatTimeoutMs: config.heartbeatTimeoutMs,
    rowsPerBlock,
    casesPerBatch,
    ...(config.caseUpdateMax !== undefined && { caseUpdateMax: config.caseUpdateMax }),
    metrics: setup.metrics ?? temporalMetrics(),
    notify: notifier(config.notifyWebhookUrl, log),
    today: () => new Date().toISOString().slice(0, 10),
  });
  const shared = {
    connection,
    namespace: namespace ?? 'default',
    activities,
    // The longest delay before an activity learns of its cancellation, and the progress that a crash may lose.
    maxHeartbeatThrottleInterval: 1000,
    defaultHeartbeatThrottleInterval: 1000,
    shutdownGraceTime: 5000,
    shutdownForceTime: 30_000,
  } satisfies Partial<WorkerOptions>;
  const workflowBundle = { code: await workflowCode() };
  const workers = [
    await Worker.create({ ...shared, taskQueue: taskQueues.main, workflowBundle }),
    await Worker.create({ ...shared, taskQueue: taskQueues.npi, maxConcurrentActivityTaskExecutions: 1 }),
  ];
  return runWorkers(workers, async () => {
    await database.close();
    await connection.close();
  });
}

function runWorkers(workers: readonly Worker[], close: () => Promise<void>): RunningWorker {
  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const runs = workers.map((worker) => worker.run().finally(shutdown));
  const done = (async () => {
    const ends = await Promise.allSettled(runs);
    await close();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  })();
  return {
    done,
    async stop() {
      shutdown();
      await done;
    },
  };
}
