import process from 'node:process';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { Config } from '../../config/config.ts';
import type { Job } from '../../contract/schedules.ts';
import type { RunInput } from '../../contract/workflows.ts';
import { withClient } from '../connection.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { follow, type RunEnd } from '../follow.ts';
import { mayLeave } from '../leaving.ts';
import { runLink } from '../links.ts';
import { progressLine, stepName } from '../progress.ts';
import { createRate } from '../rate.ts';
import { summaryLines } from '../summary.ts';
import type { Terminal } from '../terminal.ts';
import { runningRun, startManually, triggerSchedule } from '../trigger.ts';

export interface RunOptions {
  /** False: return as soon as the run has started. */
  readonly wait: boolean;
  /** Follow the open run of the job, and start none. */
  readonly attach?: boolean;
  readonly dryRun?: boolean;
  /** A run that would move more cases than this waits for approval. */
  readonly limit?: number;
}

/** `surgicase run <job>`: triggers the job, follows the run and prints its summary. Returns the exit code. */
export function run(config: Config, terminal: Terminal, job: Job, options: RunOptions): Promise<number> {
  return withClient(config, async (client) => {
    const dryRun = options.dryRun || config.isShadow;
    const handle = await startOrAttach(client, job, { ...options, dryRun });
    return answerRun({ client, config, terminal, job, handle, wait: options.wait });
  });
}

/** A run that was started, and whether to wait for its end. */
interface StartedRun {
  readonly client: Client;
  readonly config: Config;
  readonly terminal: Terminal;
  readonly job: Job;
  readonly handle: WorkflowHandle;
  readonly wait: boolean;
}

/** Answers with how the run ended, or with its ids when `wait` is false. Returns the exit code. */
export async function answerRun({
  client,
  config,
  terminal,
  job,
  handle,
  wait,
}: StartedRun): Promise<number> {
  if (!wait) {
    const started = await identityOf(handle);
    terminal.answer({ job, ...started }, [`${job} started as ${started.workflowId} (run ${started.runId})`]);
    return exitCodes.done;
  }
  const again = `\`surgicase run ${job} --attach\` follows it again.`;
  const { workflowId, runId, end } = await followRunAlone(client, config, terminal, { handle, again });
  terminal.answer({ job, workflowId, runId, ...end }, summaryLines(job, end));
  return exitCodeOf(end);
}

async function startOrAttach(
  client: Client,
  job: Job,
  { attach, dryRun, limit }: RunOptions,
): Promise<WorkflowHandle> {
  if (job === 'npi-update' && limit !== undefined) {
    throw new CommandError(
      exitCodes.usage,
      '--limit applies only to jobs that move cases. For npi-update, set NPI_MAX_REFUSED.',
    );
  }
  if (attach) {
    const running = await runningRun(client, job);
    if (running) return running;
    throw new CommandError(
      exitCodes.failed,
      `No run of ${job} is open. \`surgicase run ${job}\` starts one, and \`surgicase runs list ${job}\` shows the earlier ones.`,
    );
  }
  const input: RunInput = { ...(dryRun && { dryRun }), ...(limit !== undefined && { limit }) };
  return Object.keys(input).length > 0 ? startManually(client, job, input) : triggerSchedule(client, job);
}

/** The same as `followRun`. Ctrl-C ends the command, which says that the run continues, and with `again` how to follow it. */
export function followRunAlone(
  client: Client,
  config: Config,
  terminal: Terminal,
  { handle, again }: { readonly handle: WorkflowHandle; readonly again: string },
): ReturnType<typeof followRun> {
  const say = () => {
    terminal.progress();
    // On stderr also with --quiet.
    process.stderr.write(`The run ${handle.workflowId} continues. ${again}\n`);
  };
  return mayLeave(say, () => followRun(client, config, terminal, handle));
}

/** Follows a run on the terminal, with a bar. */
export async function followRun(
  client: Client,
  config: Config,
  terminal: Terminal,
  handle: WorkflowHandle,
): Promise<{ readonly workflowId: string; readonly runId: string; readonly end: RunEnd }> {
  const identity = await identityOf(handle);
  terminal.say(`${identity.workflowId}: ${runLink(config, identity)}`);
  const rate = createRate();
  const end = await follow(client, handle, {
    snapshot: (snapshot) =>
      terminal.progress(
        progressLine(snapshot, identity.runId, terminal.columns(), rate(snapshot, performance.now())),
        stepName(snapshot, identity.runId),
      ),
    waiting: () => terminal.say('No worker is running. The run waits until one starts (`surgicase worker`).'),
  });
  terminal.progress();
  return { ...identity, end };
}

async function identityOf(handle: WorkflowHandle) {
  const { workflowId, runId } = await handle.describe();
  return { workflowId, runId };
}

/** The exit code of a run that has ended. */
export function exitCodeOf(end: RunEnd): number {
  if (!end.isDone) return exitCodes.failed;
  const { outcome } = end.result;
  if (outcome === 'skipped') return exitCodes.alreadyRunning;
  return outcome === 'rejected' ? exitCodes.failed : exitCodes.done;
}
