import { once, setMaxListeners } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import {
  processEnvironment,
  readConfig,
  servicesFile,
  stateFolder,
  type Config,
} from '../../config/config.ts';
import type { Job } from '../../contract/schedules.ts';
import { killOwned, LocalError } from '../../local/service.ts';
import { startServices, type Services } from '../../local/services.ts';
import type { SourceName } from '../../local/source.ts';
import { sampleCases } from '../../local/sample/cases.ts';
import { claimState } from '../../local/state.ts';
import type { Log } from '../../telemetry/log.ts';
import { migrate } from '../../db/schema/migrate.ts';
import { createCases, insertCases } from '../../db/cases/sample-cases.ts';
import type { RunningWorker } from '../../worker/running.ts';
import { startWorker } from '../../worker/worker.ts';
import { outgoing } from '../../worker/outgoing.ts';
import { installRuntime } from '../../worker/runtime.ts';
import { asUnreachable, withClient } from '../connection.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { applySchedules, plannedSchedules } from '../schedules.ts';
import { interruption } from '../interruption.ts';
import { grouped } from '../numbers.ts';
import { startLog } from '../start-log.ts';
import { closingLines, runJobs, type JobEnd } from '../start-runs.ts';
import type { Terminal } from '../terminal.ts';

export interface StartOptions {
  readonly once?: boolean;
  readonly run?: Job | 'all';
  readonly source?: SourceName;
  readonly verbose?: boolean;
}

const stateDir = resolve(stateFolder);
/** Exists once the database of this state folder has its tables and the first runs have ended. */
const readyFile = resolve(stateDir, 'ready');
const pausedNote =
  'paused by `surgicase start` because the database is configured; `surgicase schedules resume <job>` resumes it';

/**
 * `surgicase start`: starts services, a worker and the schedules, runs the first jobs and stays up until Ctrl-C. Returns
 * the exit code.
 */
export async function start(terminal: Terminal, options: StartOptions): Promise<number> {
  try {
    return await startHere(terminal, options);
  } catch (error) {
    throw error instanceof LocalError ? new CommandError(exitCodes.unreachable, error.message) : error;
  }
}

async function startHere(terminal: Terminal, options: StartOptions): Promise<number> {
  const env = processEnvironment();
  const given = readConfig(env);
  for (const warning of given.warnings) terminal.say(`Warning: ${warning}`);
  refuseHalfConfigured(given);
  const claim = claimState(stateDir);
  const interrupted = interruption(terminal, killOwned);
  try {
    const services = await startServices({
      config: given,
      stateDir,
      dispatcher: outgoing(given.proxies),
      isPageGiven: Boolean(env['NPPES_URL']),
      today: new Date().toISOString().slice(0, 10),
      ...(options.source && { source: options.source }),
      onAttempt: (line) => options.verbose && terminal.say(`  tried: ${line}`),
      onBuild: buildBar(terminal),
    });
    try {
      terminal.progress();
      // A database that this start creates gets the full registry only when someone asks for it.
      const ours = given.database ? {} : { NPI_BASELINE: 'never' };
      const config = readConfig({ ...ours, ...env, ...services.variables }, ['database', 'temporal']);
      const stopping = AbortSignal.any([interrupted, failureOf(services)]);
      // Each call of Temporal's client listens to it, and following a run makes several a second.
      setMaxListeners(0, stopping);
      return await up({ terminal, options, given, config, services, stopping });
    } finally {
      await services.stop();
    }
  } catch (error) {
    // While the services start, Ctrl-C also reaches the programs that fetch them, and they fail.
    const isStop = error === interrupted.reason || error instanceof LocalError;
    if (interrupted.aborted && isStop) return exitCodes.done;
    throw error;
  } finally {
    claim.release();
  }
}

/** Fires, with the reason for people, when a service exits unexpectedly. */
function failureOf({ failed }: Services): AbortSignal {
  const failure = new AbortController();
  void failed.then((message) => failure.abort(new CommandError(exitCodes.unreachable, message)));
  return failure.signal;
}

interface Up {
  readonly terminal: Terminal;
  readonly options: StartOptions;
  /** The configuration before services were started. */
  readonly given: Config;
  readonly config: Config;
  readonly services: Services;
  /** Fires on Ctrl-C and when a service exits unexpectedly. Connections close only after everything that uses them has ended. */
  readonly stopping: AbortSignal;
}

async function up(context: Up): Promise<number> {
  const { terminal, options, given, config, services, stopping } = context;
  for (const line of services.lines) terminal.say(`  ${line}`);
  const isFirst = !given.database && !existsSync(readyFile);
  if (isFirst) await makeTables(config, terminal);
  stopping.throwIfAborted();
  writeServices(services);
  const log = startLog(config, terminal, resolve(stateDir, 'surgicase.log'), options.verbose ?? false);
  const worker = await startOwnWorker(config, log);
  try {
    return await withClient(config, (client) =>
      client.withAbortSignal(stopping, () => serve(context, { client, worker, isFirst })),
    );
  } catch (error) {
    // Work that the signal interrupts fails with various errors. Report the reason of the signal instead.
    stopping.throwIfAborted();
    throw error;
  } finally {
    terminal.progress();
    terminal.say('Stopping the worker, then Temporal and MySQL.');
    await worker
      .stop()
      .catch(({ message }: Error) => log.warn('the worker failed while it stopped', { message }));
  }
}

/** Applies the schedules and runs the jobs. Then waits until something ends the start; with `--once`, returns. */
async function serve(
  { terminal, options, given, config, services, stopping }: Up,
  {
    client,
    worker,
    isFirst,
  }: { readonly client: Client; readonly worker: RunningWorker; readonly isFirst: boolean },
): Promise<number> {
  await applySchedules(client, plannedSchedules(config), given.database ? { pausedNote } : {});
  const asked = options.run;
  const ends = await runJobs({ client, config, terminal, isFirst, ...(asked && { asked }) });
  if (isFirst) {
    writeFileSync(readyFile, '');
    await services.source?.addWeek();
  }
  const isSample = services.source?.name === 'sample';
  const lines = options.once
    ? []
    : await closingLines(client, config, { isSample, isSampleDue: isFirst && isSample });
  terminal.answer({ services: services.lines, runs: ends }, lines);
  if (options.once) return worst(ends);
  await Promise.race([once(stopping, 'abort'), worker.done]);
  stopping.throwIfAborted();
  return exitCodes.done;
}

function refuseHalfConfigured({ temporal, database }: Config): void {
  if (!temporal.isConfigured || database) return;
  throw new CommandError(
    exitCodes.usage,
    'Temporal is configured but the database is not. Set DATABASE_URL (or DB_SECRET_ID), or unset TEMPORAL_ADDRESS.',
  );
}

const sampleCaseCount = 5000;

/** Fills a new database: the tables, and generated cases for the jobs to move. */
async function makeTables(config: Config, terminal: Terminal): Promise<void> {
  const created = await withDatabase(config, async (database, schemas) => {
    const { signal } = new AbortController();
    const tables = [...(await migrate(database, schemas, signal)), `${schemas.application}.cases`];
    const insertedCount = await database.session(signal, async (session) => {
      await createCases(session, schemas.application);
      const cases = sampleCases(sampleCaseCount, new Date().toISOString().slice(0, 10));
      return insertCases(session, schemas.application, cases);
    });
    return { tables, insertedCount };
  });
  const cases = created.insertedCount > 0 ? `, ${grouped(created.insertedCount)} cases generated` : '';
  terminal.say(`  Tables    ${created.tables.length} created${cases}`);
}

/** Tells the other commands in this folder where the services are. The file holds the database password. */
function writeServices({ variables }: Services): void {
  mkdirSync(stateDir, { recursive: true });
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(servicesFile, lines.join(''), { mode: 0o600 });
}

function startOwnWorker(config: Config, log: Log) {
  if (!config.database) throw new CommandError(exitCodes.usage, 'DATABASE_URL is required.');
  installRuntime(log, config.metricsAddress);
  return startWorker({ config, database: config.database, log }).catch(asUnreachable(config));
}

function worst(ends: readonly JobEnd[]): number {
  return ends.reduce((code, end) => Math.max(code, end.exitCode), exitCodes.done as number);
}

function buildBar(terminal: Terminal): (fraction: number) => void {
  const startedAt = performance.now();
  return (fraction) => {
    const elapsed = (performance.now() - startedAt) / 1000;
    const left = fraction > 0.05 ? `, about ${Math.ceil((elapsed / fraction) * (1 - fraction))} s left` : '';
    const bar = '#'.repeat(Math.round(fraction * 24)).padEnd(24, '-');
    terminal.progress(
      `[${bar}] ${Math.round(fraction * 100)} %  building Temporal (first start only)${left}`,
      'building Temporal with Go (first start only, about 3 minutes)',
    );
  };
}
