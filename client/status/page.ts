import type { Config } from '../../config/config.ts';
import { failures, type FailureType } from '../../contract/failures.ts';
import { jobs, type Job } from '../../contract/schedules.ts';
import type { DryRun, FinishedRun } from '../../db/ledger/runs.ts';
import type { Warning } from '../../db/ledger/warnings.ts';
import { utcMinute } from '../../telemetry/times.ts';
import { personLine } from '../decided-by.ts';
import { runLink } from '../links.ts';
import { grouped, seconds } from '../numbers.ts';
import { registryLines } from '../registry.ts';
import { offNote, pausedBy } from '../schedules.ts';
import { legend, marksOf } from './marks.ts';
import { openLines } from './open-lines.ts';
import type { DatabaseStatus, StatusReport, Unanswered } from './report.ts';
import type { FailedRun, ScheduleStatus, TemporalStatus } from './temporal.ts';

/** The page as lines. */
export function pageLines(
  config: Config,
  { temporal, database }: StatusReport,
  problems: readonly string[],
): string[] {
  const known = 'error' in database ? undefined : database;
  const { schedules, openRuns, failedRuns } =
    'error' in temporal ? { schedules: [], openRuns: [], failedRuns: [] } : temporal;
  return [
    ...temporalLines(config, temporal),
    ...databaseLines(config, database),
    ...problemLines(problems),
    ...jobs.flatMap((job) => [
      job,
      ...(known ? historyLines(config, { job, known, failedRuns }) : ['  last       unknown']),
      ...nextLine(schedules.find((schedule) => schedule.job === job)),
    ]),
    ...(known && known.recentRuns.length > 0 ? [`marks        ${legend(config.hasSymbols)}`] : []),
    ...openRuns.flatMap((run) => openLines(config, run, known)),
    ...(known?.warnings ?? []).flatMap(warningLines),
    ...(known?.registry ? registryLines(known.registry) : []),
  ];
}

function temporalLines({ temporal }: Config, found: TemporalStatus | Unanswered): string[] {
  if ('error' in found) return [`temporal     ${found.error}`];
  const address = temporal.connectionOptions.address ?? 'localhost:7233';
  const worker = found.isWorkerPolling
    ? 'worker running'
    : 'no worker running: start one with `surgicase worker`';
  return [`temporal     ${address}, ${worker}`];
}

function databaseLines(config: Config, found: DatabaseStatus | Unanswered): string[] {
  if ('error' in found) return [`database     ${found.error}`];
  const { host, port } = config.database ?? { host: '', port: 0 };
  return [
    `database     ${host}:${port}, ${found.obstacles.length === 0 ? 'ready for loads' : 'not ready for loads:'}`,
    ...found.obstacles.map((obstacle) => `             ${obstacle}`),
  ];
}

function problemLines(problems: readonly string[]): string[] {
  if (problems.length === 0) return ['health       nothing is wrong'];
  return problems.map((problem, i) => `${i === 0 ? 'wrong' : '     '}        ${problem}`);
}

interface JobHistory {
  readonly job: Job;
  readonly known: DatabaseStatus;
  readonly failedRuns: readonly FailedRun[];
}

function historyLines(config: Config, { job, known, failedRuns }: JobHistory): string[] {
  const recent = known.recentRuns.filter((run) => run.job === job);
  const missing = known.unrecorded.filter((run) => run.job === job);
  const ends = [...recent, ...missing.map(() => ({ outcome: 'failed' }))];
  const last = known.lastRuns.find((run) => run.job === job);
  return [
    ...(ends.length > 0 ? [`  recent     ${marksOf(ends, config.hasSymbols)}`] : []),
    ...(last ? lastLines(config, last, known.usualSeconds[job], failedRuns) : ['  last       none']),
    ...missing.flatMap((run) => unrecordedLines(config, run)),
    ...known.dryRuns.filter((run) => run.job === job && isNewer(run, last)).map(dryRunLine),
  ];
}

const isNewer = (run: DryRun, last: FinishedRun | undefined) =>
  last === undefined || run.finishedAt > last.finishedAt;

function dryRunLine({ runId, finishedAt, found, source, target }: DryRun): string {
  const what = found === null ? '' : `${grouped(found)} cases would have moved ${source} -> ${target}, `;
  const command = found === null ? 'runs show' : 'cases compare';
  return `  dry run    ${what}${utcMinute(finishedAt)}: \`surgicase ${command} ${runId}\``;
}

function lastLines(
  config: Config,
  run: FinishedRun,
  usualSeconds: number | undefined,
  failedRuns: readonly FailedRun[],
): string[] {
  const usual = usualSeconds === undefined ? '' : ` (usually ${seconds(usualSeconds)})`;
  const why = run.failureType === null ? '' : `: ${run.failureType}`;
  const message = failedRuns.find(({ runId }) => runId === run.runId)?.message ?? run.failureMessage;
  return [
    `  last       ${run.outcome}${why} in ${seconds(run.seconds)}${usual}, ${utcMinute(run.finishedAt)}`,
    ...(run.failureType === null ? [] : reasonLines(run.failureType, message)),
    `             ${runLink(config, run)}`,
  ];
}

function reasonLines(type: string, message: string | null): string[] {
  const isKnown = Object.hasOwn(failures, type);
  const text = message ?? (isKnown ? failures[type as FailureType].nextStep : undefined);
  return [
    ...(text === undefined ? [] : [`             ${text}`]),
    ...(isKnown ? [`             docs/troubleshooting.md#${type.toLowerCase()}`] : []),
  ];
}

function unrecordedLines(config: Config, run: FailedRun): string[] {
  return [
    `  ${run.status.padEnd(10)} ${utcMinute(run.endedAt)}, not in the ledger: ${run.failureType}`,
    ...reasonLines(run.failureType, run.message),
    `             ${runLink(config, run)}`,
  ];
}

function warningLines(warning: Warning): string[] {
  const {
    warningId,
    job,
    remark,
    firstSeen,
    lastSeen,
    acknowledgedBy: by,
    acknowledgedReason: reason,
  } = warning;
  const seen = `since ${utcMinute(firstSeen)}, last seen ${utcMinute(lastSeen)}`;
  return [
    `warning ${String(warningId).padEnd(4)} ${job}: ${remark}`,
    by === null
      ? `             ${seen}: \`surgicase status --acknowledge ${warningId}\``
      : `             ${seen}; acknowledged by ${personLine({ by, reason })}`,
  ];
}

function nextLine(schedule: ScheduleStatus | undefined): string[] {
  if (!schedule) return [];
  const { job, state, note, nextAt, pausedUntil } = schedule;
  if (state === 'missing') return ['  next       never: `surgicase schedules apply` creates the schedule'];
  // The note of a pause that ends by itself says until when.
  if (pausedUntil !== undefined)
    return [`  next       ${nextAt === undefined ? 'never' : utcMinute(nextAt)}, ${note ?? 'paused'}`];
  // The note that `surgicase start` leaves on a configured database already names the command.
  const resume = note?.includes('schedules resume') ? '' : `: \`surgicase schedules resume ${job}\``;
  if (state === 'off') return [`  next       paused: ${offNote}`];
  if (state === 'paused') return [`  next       ${pausedBy(note ?? '')}${resume}`];
  return [`  next       ${nextAt === undefined ? 'never' : utcMinute(nextAt)}`];
}
