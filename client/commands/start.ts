import { setMaxListeners } from 'node:events';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { processEnvironment, readConfig, stateFolder, type Config } from '../../config/config.ts';
import type { Job } from '../../contract/schedules.ts';
import { cacheDir } from '../../local/bootstrap/host.js';
import { measureSteps, type StepTime } from '../../local/bootstrap/steps.js';
import { fileProblem, fullDisk } from '../../local/file-problem.ts';
import { killOwned, LocalError } from '../../local/service.ts';
import { startServices, type Services } from '../../local/services.ts';
import type { SourceName } from '../../local/source.ts';
import { claimState } from '../../local/state.ts';
import { outgoing } from '../../worker/outgoing.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { interruption } from '../interruption.ts';
import type { Terminal } from '../terminal.ts';

export interface StartOptions {
  readonly once?: boolean;
  readonly run?: Job | 'all';
  readonly source?: SourceName;
  readonly verbose?: boolean;
}

const stateDir = resolve(stateFolder);

/**
 * `surgicase start`: starts services, a worker and the schedules, runs the first jobs and stays up until Ctrl-C. Returns
 * the exit code.
 */
export async function start(terminal: Terminal, options: StartOptions): Promise<number> {
  try {
    return await startHere(terminal, options);
  } catch (error) {
    throw explained(error);
  }
}

/** The error for a person: what a start fails on is a service, or a file, folder or disk that it needs. */
function explained(error: unknown): unknown {
  const problem = fileProblem(error);
  if (problem) return new CommandError(exitCodes.usage, problem.message);
  if (!(error instanceof LocalError || error instanceof CommandError)) return error;
  const disk = fullDisk([stateDir, cacheDir(), tmpdir()]);
  if (disk) return new CommandError(exitCodes.usage, `${error.message}\n${disk.message}`);
  return error instanceof CommandError ? error : new CommandError(exitCodes.unreachable, error.message);
}

async function startHere(terminal: Terminal, options: StartOptions): Promise<number> {
  const env = processEnvironment();
  const given = readConfig(env);
  for (const warning of given.warnings) terminal.say(`Warning: ${warning}`);
  refuseHalfConfigured(given);
  const claim = claimState(stateDir);
  const { step, times, running } = measureSteps(shownOn(terminal));
  const interrupted = interruption(terminal, running, killOwned);
  try {
    const starting = startServices({
      config: given,
      stateDir,
      dispatcher: outgoing(given.proxies),
      signal: interrupted,
      step,
      isPageGiven: Boolean(env['NPPES_URL']),
      today: new Date().toISOString().slice(0, 10),
      ...(options.source && { source: options.source }),
      onAttempt: (line) => options.verbose && terminal.say(`  tried: ${line}`),
    });
    // The worker takes more than a second to load. Meanwhile the servers start.
    const loading = import('../start-up.ts');
    const services = await starting;
    try {
      const { startUp } = await loading;
      // A database that this start creates gets the full registry only when someone asks for it.
      const ours = given.database ? {} : { NPI_BASELINE: 'never' };
      const config = readConfig({ ...ours, ...env, ...services.variables }, ['database', 'temporal']);
      const stopping = AbortSignal.any([interrupted, failureOf(services)]);
      // Each call of Temporal's client listens to it, and following a run makes several a second.
      setMaxListeners(0, stopping);
      const prepared = JSON.parse(env[preparedSteps] ?? '[]') as StepTime[];
      times.unshift(...prepared);
      return await startUp({ terminal, options, stateDir, given, config, services, stopping, step, times });
    } finally {
      await services.stop();
    }
  } catch (error) {
    if (error !== interrupted.reason) throw error;
    claim.release();
    // Modules that still load, or a download of Temporal's SDK, must not hold up the exit.
    return process.exit(exitCodes.done);
  } finally {
    claim.release();
  }
}

/** scripts/prepare.mjs passes the seconds of installing and building on in this variable. */
const preparedSteps = 'PREPARED_STEPS';

/** A terminal shows the step that runs, and keeps a line for each that took a while; a pipe gets both lines. */
function shownOn(terminal: Terminal) {
  return {
    begins: (name: string) => terminal.progress(`  ${name} …`, `  ${name} …`),
    ends: (line: string) => terminal.say(`  ${line}`),
  };
}

/** Fires, with the reason for people, when a service exits unexpectedly. */
function failureOf({ failed }: Services): AbortSignal {
  const failure = new AbortController();
  void failed.then((message) => failure.abort(new CommandError(exitCodes.unreachable, message)));
  return failure.signal;
}

function refuseHalfConfigured({ temporal, database }: Config): void {
  if (!temporal.isConfigured || database) return;
  throw new CommandError(
    exitCodes.usage,
    'Temporal is configured but the database is not. Set DATABASE_URL (or DB_SECRET_ID), or unset TEMPORAL_ADDRESS.',
  );
}
