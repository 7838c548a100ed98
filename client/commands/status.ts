import type { Config } from '../../config/config.ts';
import { jobs, weeklySchedules } from '../../contract/schedules.ts';
import { loadObstacles } from '../../db/schema/ready.ts';
import { lastRuns, longestRuns, recordedEnds, type LastRun } from '../../db/ledger/runs.ts';
import type { Session } from '../../db/connection/session.ts';
import { overdueAfterMs } from '../../worker/watch.ts';
import { withClient } from '../connection.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { runLink } from '../links.ts';
import { seconds } from '../numbers.ts';
import { registryLines, registryStatus, type RegistryStatus } from '../registry.ts';
import {
  temporalStatus,
  type FailedRun,
  type OpenRun,
  type ScheduleStatus,
  type TemporalStatus,
} from '../temporal-status.ts';
import type { Terminal } from '../terminal.ts';
import { utcMinute } from '../../telemetry/times.ts';

/** What the database knows; `registry` is absent when this service's own tables are missing. */
interface DatabaseStatus {
  readonly obstacles: readonly string[];
  readonly lastRuns: readonly LastRun[];
  /** Seconds of the longest of the last good runs, by job. */
  readonly longestSeconds: Readonly<Record<string, number>>;
  /** Runs that failed after the last run of the ledger and are not in it. */
  readonly unrecorded: readonly FailedRun[];
  readonly registry?: RegistryStatus;
}

/** `surgicase status`: prints one page. When a service does not answer, it says so, shows the rest and exits with 3. */
export async function status(config: Config, terminal: Terminal): Promise<number> {
  const temporal = await orError(withClient(config, temporalStatus));
  const database = await orError(databaseStatus(config, 'error' in temporal ? [] : temporal.failedRuns));
  const parts = { temporal, database };
  const isReachable = !('error' in temporal) && !('error' in database);
  terminal.answer(parts, [...temporalLines(config, temporal), ...databaseLines(config, temporal, database)]);
  return isReachable ? exitCodes.done : exitCodes.unreachable;
}

interface Unanswered {
  readonly error: string;
}

async function orError<T>(asked: Promise<T>): Promise<T | Unanswered> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CommandError) return { error: error.message };
    throw error;
  }
}

function databaseStatus(config: Config, failed: readonly FailedRun[]): Promise<DatabaseStatus> {
  return withDatabase(config, (database, schemas) =>
    database.session(new AbortController().signal, async (session) => {
      const obstacles = await loadObstacles(session, schemas);
      // Without this service's own tables there is nothing to read; the obstacles name them.
      if (obstacles.some((obstacle) => obstacle.includes(`${schemas.scheduler}.`)))
        return { obstacles, lastRuns: [], longestSeconds: {}, unrecorded: failed };
      const last = await lastRuns(session);
      return {
        obstacles,
        lastRuns: last,
        longestSeconds: Object.fromEntries(await longestRuns(session)),
        unrecorded: await unrecordedFailures(session, failed, last),
        registry: await registryStatus(session),
      };
    }),
  );
}

async function unrecordedFailures(
  session: Session,
  failed: readonly FailedRun[],
  last: readonly LastRun[],
): Promise<FailedRun[]> {
  const recorded = await recordedEnds(
    session,
    failed.map(({ runId }) => runId),
  );
  const lastEnds = new Map(last.map(({ job, finishedAt }) => [job, Date.parse(`${finishedAt}Z`)]));
  return failed.filter(
    ({ job, runId, endedAt }) => !recorded.has(runId) && Date.parse(endedAt) > (lastEnds.get(job) ?? 0),
  );
}

function temporalLines({ temporal }: Config, found: TemporalStatus | Unanswered): string[] {
  if ('error' in found) return [`temporal     ${found.error}`];
  const address = temporal.connectionOptions.address ?? 'localhost:7233';
  const worker = found.isWorkerPolling
    ? 'worker running'
    : 'no worker running: start one with `surgicase worker`';
  return [`temporal     ${address}, ${worker}`];
}

function databaseLines(
  config: Config,
  temporal: TemporalStatus | Unanswered,
  found: DatabaseStatus | Unanswered,
): string[] {
  if ('error' in found) return [`database     ${found.error}`, ...runLines(config, temporal)];
  const { host, port } = config.database ?? { host: '', port: 0 };
  return [
    `database     ${host}:${port}, ${found.obstacles.length === 0 ? 'ready for loads' : 'not ready for loads:'}`,
    ...found.obstacles.map((obstacle) => `             ${obstacle}`),
    ...runLines(config, temporal, found),
    ...(found.registry ? registryLines(found.registry) : []),
  ];
}

/** `found` is absent when the database, which holds the run ledger, does not answer. */
function runLines(config: Config, temporal: TemporalStatus | Unanswered, found?: DatabaseStatus): string[] {
  const { schedules, openRuns } = 'error' in temporal ? { schedules: [], openRuns: [] } : temporal;
  return [
    ...jobs.flatMap((job) => [
      job,
      ...(found
        ? lastLines(
            config,
            found.lastRuns.find((run) => run.job === job),
          )
        : ['  last       unknown']),
      ...(found?.unrecorded ?? [])
        .filter((run) => run.job === job)
        .flatMap((run) => unrecordedLines(config, run)),
      ...nextLine(schedules.find((schedule) => schedule.job === job)),
    ]),
    ...openRuns.flatMap((run) => openLines(config, run, found?.longestSeconds)),
  ];
}

function lastLines(config: Config, run: LastRun | undefined): string[] {
  if (!run) return ['  last       none'];
  const why = run.failureType === null ? '' : `: ${run.failureType} (docs/operations.md)`;
  return [
    `  last       ${run.outcome}${why}, ${utcMinute(run.finishedAt)}`,
    `             ${runLink(config, run)}`,
  ];
}

function unrecordedLines(config: Config, run: FailedRun): string[] {
  return [
    `  ${run.status.padEnd(10)} ${utcMinute(run.endedAt)}, not in the ledger`,
    `             ${runLink(config, run)}`,
  ];
}

function nextLine(schedule: ScheduleStatus | undefined): string[] {
  if (!schedule) return [];
  const { job, state, note, nextAt } = schedule;
  if (state === 'missing') return ['  next       never: `surgicase schedules apply` creates the schedule'];
  // The note that `surgicase start` leaves on a configured database already names the command.
  const resume = note?.includes('schedules resume') ? '' : `: \`surgicase schedules resume ${job}\``;
  if (state === 'paused') return [`  next       paused${note ? ` (${note})` : ''}${resume}`];
  return [`  next       ${nextAt === undefined ? 'never' : utcMinute(nextAt)}`];
}

function openLines(
  config: Config,
  run: OpenRun,
  longestSeconds: DatabaseStatus['longestSeconds'] = {},
): string[] {
  const { workflowId, runId, phase } = run;
  const job = jobs.find((one) => weeklySchedules[one].workflowType === run.workflowType);
  const longest = job && longestSeconds[job];
  const isOverdue = Date.now() - Date.parse(run.startedAt) > overdueAfterMs(longest);
  const usual = longest === undefined ? '' : ` (the last good runs took at most ${seconds(longest)})`;
  const how =
    phase === 'approval'
      ? `waiting for approval: \`surgicase runs approve ${runId}\`, or \`reject\``
      : `running${phase === undefined ? '' : `: ${phase}`}`;
  return [
    `${workflowId} ${how}`,
    ...(isOverdue ? [`             overdue: open since ${utcMinute(run.startedAt)}${usual}`] : []),
    `             ${runLink(config, run)}`,
  ];
}
