import type { Client, WorkflowHandle } from '@temporalio/client';
import type { Config } from '../config/config.ts';
import { jobs, type Job } from '../contract/schedules.ts';
import type { RunInput } from '../contract/workflows.ts';
import { estimateMonthly } from '../spool/estimate.ts';
import { searchProviders } from '../db/registry/lookup.ts';
import { goodRun } from '../db/ledger/runs.ts';
import { exitCodeOf, followRun } from './commands/run.ts';
import { withDatabase } from './database.ts';
import { CommandError, exitCodes } from './exit.ts';
import type { RunEnd } from './follow.ts';
import { runLink } from './links.ts';
import { offeredMonthly } from './offered.ts';
import { aboutMinutes } from './numbers.ts';
import { sized } from '../nppes/transfer/disk-space.ts';
import { describeSchedule } from './schedules.ts';
import { summaryLines } from './summary.ts';
import { outgoing } from '../worker/outgoing.ts';
import type { Terminal } from './terminal.ts';
import { runningRun, startManually, triggerSchedule } from './trigger.ts';
import { utcMinute } from '../telemetry/times.ts';

/** How a job of `surgicase start` ended. Without ids when its run could not be started. */
export type JobEnd = RunEnd & {
  readonly job: Job;
  readonly workflowId?: string;
  readonly runId?: string;
  readonly exitCode: number;
};

const fromBest: readonly number[] = [
  exitCodes.done,
  exitCodes.alreadyRunning,
  exitCodes.failed,
  exitCodes.usage,
];

/** The exit code of the worst end. A failure is worse than a job that was skipped, although its code is lower. */
export function worstExitCode(ends: readonly JobEnd[]): number {
  const places = ends.map(({ exitCode }) => fromBest.indexOf(exitCode));
  return fromBest[Math.max(0, ...places)] ?? exitCodes.failed;
}

export interface RunsWanted {
  readonly client: Client;
  readonly config: Config;
  readonly terminal: Terminal;
  /** The database is new: every job runs once, the registry with one week. */
  readonly isFirst: boolean;
  readonly asked?: Job | 'all';
}

/** Runs the jobs one after the other; follows each to its end and prints its summary. Returns one end for each job. */
export async function runJobs({ client, config, terminal, isFirst, asked }: RunsWanted): Promise<JobEnd[]> {
  const wanted =
    asked === undefined ? (isFirst ? inStartOrder : []) : asked === 'all' ? inStartOrder : [asked];
  await sayResumed({ client, config, terminal }, wanted);
  const ends: JobEnd[] = [];
  for (const job of wanted) {
    const end = await runJob({ client, config, terminal, isFirst }, job);
    for (const line of summaryLines(job, end)) terminal.say(line);
    ends.push(end);
  }
  return ends;
}

async function runJob({ client, config, terminal, isFirst }: RunsWanted, job: Job): Promise<JobEnd> {
  const started = await startJob(client, config, job, isFirst).catch(asNotStarted);
  if ('exitCode' in started) return { ...started, job };
  const { workflowId, runId, end } = await followRun(client, config, terminal, started);
  return { ...end, job, workflowId, runId, exitCode: exitCodeOf(end) };
}

async function startJob(client: Client, config: Config, job: Job, isFirst: boolean): Promise<WorkflowHandle> {
  const earlier = isFirst ? await earlierRun(client, config, job) : undefined;
  return earlier ?? startOrResume(client, job, isFirst);
}

/** A job that cannot start, such as one without a schedule, does not keep the others from running. */
function asNotStarted(error: unknown): RunEnd & { readonly exitCode: number } {
  if (!(error instanceof CommandError) || error.exitCode === exitCodes.unreachable) throw error;
  const { message, exitCode } = error;
  return { isDone: false, failureType: 'NotStarted', message, exitCode };
}

/** Names the open runs of an earlier start that this start's worker resumes but that this start does not follow. */
async function sayResumed(
  { client, config, terminal }: Pick<RunsWanted, 'client' | 'config' | 'terminal'>,
  followed: readonly Job[],
): Promise<void> {
  for (const job of jobs.filter((one) => !followed.includes(one))) {
    const handle = await runningRun(client, job);
    if (!handle) continue;
    const { workflowId, runId } = await handle.describe();
    terminal.say(`Resuming the open run of ${job}: ${runLink(config, { workflowId, runId })}`);
  }
}

// `paid-update` first: otherwise a case that has just reached status 15 would move on to 20 in the same start.
const inStartOrder = [
  'paid-update',
  'pending-payment-update',
  'npi-update',
] as const satisfies readonly Job[];

const firstInput: Readonly<Record<Job, RunInput>> = {
  'paid-update': {},
  'pending-payment-update': {},
  'npi-update': { weeks: 1 },
};

/** The good run of a first start that was killed and now continues. */
async function earlierRun(client: Client, config: Config, job: Job): Promise<WorkflowHandle | undefined> {
  const found = await withDatabase(config, (database) =>
    database.session(new AbortController().signal, (session) => goodRun(session, job)),
  );
  return found && client.workflow.getHandle(found.workflowId, found.runId);
}

/** A run continues after its start is killed. So this follows an open run and starts a new one only when there is none. */
async function startOrResume(client: Client, job: Job, isFirst: boolean): Promise<WorkflowHandle> {
  const open = await runningRun(client, job);
  if (open) return open;
  return isFirst ? startManually(client, job, firstInput[job]) : triggerSchedule(client, job);
}

/** What a person may want to do next. */
export async function closingLines(
  client: Client,
  config: Config,
  { isSample, isSampleDue }: { readonly isSample: boolean; readonly isSampleDue: boolean },
): Promise<string[]> {
  const { connectionOptions, uiUrl } = config.temporal;
  const [firstName, monthly] = await Promise.all([anySurgeon(config), monthlySize(config)]);
  const nextTimes = await Promise.all(jobs.map((job) => nextTime(client, job)));
  return [
    '',
    'Try in another terminal:',
    ...(firstName
      ? [`  npx surgicase npi search ${firstName.name}`, `  npx surgicase npi lookup ${firstName.npi}`]
      : []),
    '  npx surgicase status',
    '  npx surgicase cases history',
    `  npx surgicase run npi-update${isSampleDue ? '      (one more sample week is due)' : ''}`,
    `  npx surgicase npi replace         (${isSample ? 'a generated monthly' : 'the full registry'}${monthly})`,
    `  ${config.temporalCliPath ?? 'temporal'} schedule trigger --schedule-id npi-update --address ${connectionOptions.address}`,
    ...(uiUrl === undefined ? [] : [`Web UI: ${uiUrl}`]),
    ...nextTimes,
    'Ctrl-C stops everything. `npm start` continues from there; `rm -r .surgicase` starts over.',
    'Log: .surgicase/surgicase.log',
  ];
}

const monthlyPatienceMs = 5000;

/** Size and load time of the monthly on the page, as the end of a line; empty when the size is unknown. */
async function monthlySize({ nppes, proxies }: Config): Promise<string> {
  const caller = { signal: AbortSignal.timeout(monthlyPatienceMs), dispatcher: outgoing(proxies) };
  const monthly = await offeredMonthly(nppes.url, caller).catch(() => undefined);
  if (monthly?.sizeBytes === undefined) return '';
  const { loadSeconds } = estimateMonthly(monthly.sizeBytes);
  return `: ${sized(monthly.sizeBytes)} zip, ${aboutMinutes(loadSeconds)}`;
}

async function anySurgeon(config: Config): Promise<{ npi: string; name: string } | undefined> {
  const question = { name: 'S', limitRows: 1 };
  const [found] = await withDatabase(config, (database, schemas) =>
    database.session(new AbortController().signal, (session) => searchProviders(session, schemas, question)),
  );
  if (!found) return undefined;
  const name = found.kind === 'surgeon' ? found.last_name : found.facility_name;
  return { npi: String(found.npi), name: name ?? '' };
}

async function nextTime(client: Client, job: Job): Promise<string> {
  const found = await describeSchedule(client, job);
  if (!found || found.state.paused) return `Next ${job}: paused (\`surgicase schedules resume ${job}\`)`;
  const next = found.info.nextActionTimes[0];
  return `Next ${job}: ${next ? utcMinute(next.toISOString()) : 'never'}`;
}
