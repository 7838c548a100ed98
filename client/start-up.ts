import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import { servicesFile, type Config } from '../config/config.ts';
import { secondsSince, type Step, type StepTime } from '../local/bootstrap/steps.js';
import type { Services } from '../local/services.ts';
import { sampleCases } from '../local/sample/cases.ts';
import type { Log } from '../telemetry/log.ts';
import { migrate } from '../db/schema/migrate.ts';
import { createCases, insertCases } from '../db/cases/sample-cases.ts';
import type { RunningWorker } from '../worker/running.ts';
import { startWorker } from '../worker/worker.ts';
import type { StartOptions } from './commands/start.ts';
import { asUnreachable, withClient } from './connection.ts';
import { withDatabase } from './database.ts';
import { CommandError, exitCodes } from './exit.ts';
import { applySchedules, plannedSchedules } from './schedules.ts';
import { grouped } from './numbers.ts';
import { startLog } from './start-log.ts';
import { closingLines, runJobs, worstExitCode } from './start-runs.ts';
import type { Terminal } from './terminal.ts';

/** What a start has when its services are up. */
export interface StartedServices {
  readonly terminal: Terminal;
  readonly options: StartOptions;
  readonly stateDir: string;
  /** The configuration before services were started. */
  readonly given: Config;
  readonly config: Config;
  readonly services: Services;
  /** Fires on Ctrl-C and when a service exits unexpectedly. Connections close only after everything that uses them has ended. */
  readonly stopping: AbortSignal;
  readonly step: Step;
  /** The steps that have ended. */
  readonly times: readonly StepTime[];
}

const pausedNote =
  'paused by `surgicase start` because the database is configured; `surgicase schedules resume <job>` resumes it';

/** Exists once the database of a state folder has its tables and the first runs have ended. */
const readyFile = (stateDir: string) => resolve(stateDir, 'ready');

/**
 * Creates the tables of a new database, starts a worker, applies the schedules and runs the jobs. Then waits until something
 * ends the start; with `--once`, returns.
 * @returns the exit code
 * @throws the reason of `stopping` when it fires
 */
export async function startUp(context: StartedServices): Promise<number> {
  const { terminal, options, stateDir, given, config, services, stopping, step } = context;
  for (const line of services.lines) terminal.say(`  ${line}`);
  const isFirst = !given.database && !existsSync(readyFile(stateDir));
  try {
    if (isFirst) await step('Creating the tables', () => makeTables(config, terminal, stopping));
    writeServices(services);
    const log = startLog(config, terminal, resolve(stateDir, 'surgicase.log'), options.verbose ?? false);
    const worker = await step('Starting the worker', () => startOwnWorker(config, log));
    try {
      return await withClient(config, (client) =>
        client.withAbortSignal(stopping, () => serve(context, { client, worker, isFirst })),
      );
    } finally {
      terminal.progress();
      terminal.say('Stopping the worker, then Temporal and MySQL.');
      await worker
        .stop()
        .catch(({ message }: Error) => log.warn('the worker failed while it stopped', { message }));
    }
  } catch (error) {
    // Work that the signal interrupts fails with various errors. Report the reason of the signal instead.
    stopping.throwIfAborted();
    throw error;
  }
}

/** Applies the schedules and runs the jobs. Then waits until something ends the start; with `--once`, returns. */
async function serve(
  { terminal, options, stateDir, given, config, services, stopping, step, times }: StartedServices,
  {
    client,
    worker,
    isFirst,
  }: { readonly client: Client; readonly worker: RunningWorker; readonly isFirst: boolean },
): Promise<number> {
  await step('Applying the schedules', () =>
    applySchedules(client, plannedSchedules(config), given.database ? { pausedNote } : {}),
  );
  const asked = options.run;
  const runsBeganAt = performance.now();
  const ends = await runJobs({ client, config, terminal, isFirst, ...(asked && { asked }) });
  const steps = [...times, { step: 'Running the jobs', seconds: secondsSince(runsBeganAt) }];
  // The process of `npm start` also installed and built, so the seconds count from its begin.
  const seconds = secondsSince(0);
  terminal.say(`${isFirst ? 'The first start took' : 'Started in'} ${seconds.toFixed(1)} s.`);
  if (isFirst) {
    writeFileSync(readyFile(stateDir), '');
    await services.source?.addWeek();
  }
  const isSample = services.source?.name === 'sample';
  const lines = options.once
    ? []
    : await closingLines(client, config, { isSample, isSampleDue: isFirst && isSample });
  terminal.answer({ services: services.lines, runs: ends, seconds, steps }, lines);
  if (options.once) return worstExitCode(ends);
  await Promise.race([once(stopping, 'abort'), worker.done]);
  stopping.throwIfAborted();
  return exitCodes.done;
}

const sampleCaseCount = 5000;

/** Fills a new database: the tables, and generated cases for the jobs to move. */
async function makeTables(config: Config, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const created = await withDatabase(config, async (database, schemas) => {
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
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(servicesFile, lines.join(''), { mode: 0o600 });
}

function startOwnWorker(config: Config, log: Log) {
  if (!config.database) throw new CommandError(exitCodes.usage, 'DATABASE_URL is required.');
  return startWorker({ config, database: config.database, log }).catch(asUnreachable(config));
}
