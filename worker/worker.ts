import { Client } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import { taskQueues } from '../contract/task-queues.ts';
import { createNotifier } from '../telemetry/notify.ts';
import { workflowCode } from './bundle.ts';
import { openDatabase, schemasOf, type WorkerSetup } from './database.ts';
import { reportGauges } from './gauges.ts';
import { temporalMetrics } from './metrics.ts';
import { outgoing } from './outgoing.ts';
import { watchNamespace } from './namespace.ts';
import { installRuntime } from './runtime.ts';
import { databaseAnswers, temporalAnswers, workersRun } from './readiness.ts';
import { problemsOf, serveProbes, type Probes } from './probes.ts';
import { runWorkers, shutdownTimes, type RunningWorker } from './running.ts';
import { missingSearchAttributes } from './search-attributes.ts';
import { watch } from './watch.ts';

const rowsPerBlock = 5000;

/**
 * Starts a worker: workflows and short activities on one queue, and loads, one at a time, on the other. When it cannot start,
 * it leaves nothing open, so that a host can try again.
 */
export async function startWorker(setup: WorkerSetup): Promise<RunningWorker> {
  const { config, log } = setup;
  for (const warning of config.warnings) log.warn(warning);
  if (config.isShadow) log.warn('SHADOW is true: every job is a dry run');
  const probes = config.healthAddress === undefined ? undefined : await serveProbes(config.healthAddress);
  let connection: NativeConnection | undefined;
  try {
    // Not earlier: a runtime that never gets a connection keeps its process alive.
    installRuntime(log, config.metricsAddress);
    connection = await NativeConnection.connect(config.temporal.connectionOptions);
    return await startOn(connection, probes, setup);
  } catch (error) {
    probes?.close();
    // A worker that was created but never ran holds the connection.
    await connection?.close().catch(() => undefined);
    throw error;
  }
}

async function startOn(
  connection: NativeConnection,
  probes: Probes | undefined,
  setup: WorkerSetup,
): Promise<RunningWorker> {
  const { config, log } = setup;
  const { namespace } = config.temporal;
  const client = new Client({ connection, namespace: namespace ?? 'default' });
  const metrics = setup.metrics ?? temporalMetrics();
  const database = openDatabase(setup, metrics);
  const dispatcher = outgoing(config.proxies);
  const notifier = createNotifier(config.notify, { log, dispatcher });
  const activities = createActivities({
    database,
    dispatcher,
    schemas: schemasOf(setup),
    log,
    pageUrl: config.nppes.url,
    archiveDir: config.nppes.archiveDir,
    ...(config.nppes.archiveKeepCount !== undefined && { archiveKeepCount: config.nppes.archiveKeepCount }),
    ...(config.nppes.checkPartCount !== undefined && { checkPartCount: config.nppes.checkPartCount }),
    ...(config.nppes.historyKeepMs !== undefined && { historyKeepMs: config.nppes.historyKeepMs }),
    workDir: config.nppes.workDir,
    maxRefusedFraction: config.nppes.maxRefusedFraction,
    baselineRule: config.nppes.baselineRule,
    minRowsFraction: config.nppes.minRowsFraction,
    maxThreadsRunning: config.nppes.maxThreadsRunning,
    loadConnections: config.nppes.loadConnections,
    heartbeatTimeoutMs: config.heartbeatTimeoutMs,
    rowsPerBlock,
    ...(config.caseUpdateMax !== undefined && { caseUpdateMax: config.caseUpdateMax }),
    isShadow: config.isShadow,
    metrics,
    notify: notifier.notify,
    hasSearchAttributes: () =>
      missingSearchAttributes(client).then(
        (missing) => missing.length === 0,
        // A server that does not say it; runs work without them.
        () => false,
      ),
    today: () => new Date().toISOString().slice(0, 10),
  });
  const shared = {
    connection,
    namespace: namespace ?? 'default',
    activities,
    // The longest delay before an activity learns of its cancellation, and the progress that a crash may lose.
    maxHeartbeatThrottleInterval: 1000,
    defaultHeartbeatThrottleInterval: 1000,
    ...(setup.activityInterceptors && { interceptors: { activity: [...setup.activityInterceptors] } }),
    ...shutdownTimes,
    ...(config.workerVersion && {
      workerDeploymentOptions: {
        useWorkerVersioning: true,
        version: config.workerVersion,
        // An open run continues on the current version. A pinned run would wait for a worker that a host may no longer have.
        defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
      },
    }),
  } satisfies Partial<WorkerOptions>;
  const workflowBundle = { code: await workflowCode() };
  const workers: [Worker, Worker] = [
    await Worker.create({ ...shared, taskQueue: taskQueues.main, workflowBundle }),
    await Worker.create({ ...shared, taskQueue: taskQueues.npi, maxConcurrentActivityTaskExecutions: 1 }),
  ];
  const namespaceWatch = watchNamespace(connection, shared.namespace);
  const { identity } = workers[0].options;
  const checks = [
    workersRun(workers),
    databaseAnswers(database),
    temporalAnswers(connection, shared.namespace),
  ];
  probes?.checkWith(checks);
  const stopping = new AbortController();
  void reportGauges({ database, metrics }, stopping.signal);
  const watched = { client, database, schemas: schemasOf(setup), notify: notifier.notify, log, identity };
  void watch(watched, stopping.signal);
  const running = runWorkers(workers, log, namespaceWatch.gone, async () => {
    namespaceWatch.stop();
    stopping.abort();
    probes?.close();
    await notifier.settle();
    await database.close();
    await dispatcher.close();
    await connection.close();
  });
  return { ...running, problems: () => problemsOf(checks) };
}
