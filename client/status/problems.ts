import type { Config } from '../../config/config.ts';
import type { Warning } from '../../db/ledger/warnings.ts';
import { failures, type FailureType } from '../../contract/failures.ts';
import { jobs, type Job } from '../../contract/schedules.ts';
import { utcMinute } from '../../telemetry/times.ts';
import { overdueAfterMs } from '../../worker/watch.ts';
import { retryText, type PendingActivity } from '../pending-activity.ts';
import { ageDays, emptiedText, refillAdvice, rolledBackText } from '../registry.ts';
import { pausedBy } from '../schedules.ts';
import type { OpenRun } from './open-runs.ts';
import { isOverdue, type DatabaseStatus, type StatusReport } from './report.ts';
import type { ScheduleStatus, TemporalStatus } from './temporal.ts';

/** What a person should do something about, one sentence each; empty when all is well. The page and `--check` show the same. */
export function problemsOf(
  { isShadow }: Pick<Config, 'isShadow'>,
  { temporal, database }: StatusReport,
): string[] {
  const known = 'error' in database ? undefined : database;
  return [
    ...('error' in temporal ? [temporal.error] : serviceProblems(temporal)),
    ...('error' in database ? [database.error] : database.obstacles.map((what) => `the database: ${what}`)),
    ...jobs.flatMap((job) => [
      ...('error' in temporal ? [] : scheduleProblems(temporal, job)),
      ...('error' in temporal || !known || isShadow ? [] : overdueProblems(temporal, known, job)),
      ...(known ? failureProblems(known, job) : []),
    ]),
    ...('error' in temporal ? [] : temporal.openRuns.flatMap((run) => openProblems(run, known))),
    ...('error' in temporal || !known ? [] : registryProblems(temporal, known)),
    ...(known?.registry?.rolledBack ?? []).map(rolledBackText),
    ...(known ? loaderProblems(known) : []),
    ...('error' in temporal || !known ? [] : archiveProblems(temporal, known)),
    ...(known?.emptied.length ? [`${emptiedText(known.emptied)} ${refillAdvice}`] : []),
    ...(known?.warnings ?? [])
      .filter(isOpen)
      .map(({ warningId, job, remark }) => `warning ${warningId} of ${job}: ${remark}`),
  ];
}

function serviceProblems({ isWorkerPolling }: TemporalStatus): string[] {
  return isWorkerPolling ? [] : ['no worker is running'];
}

function scheduleOf({ schedules }: TemporalStatus, job: Job): ScheduleStatus | undefined {
  return schedules.find((schedule) => schedule.job === job);
}

function scheduleProblems(temporal: TemporalStatus, job: Job): string[] {
  const { state, pausedUntil, note } = scheduleOf(temporal, job) ?? { state: 'missing' };
  if (state === 'missing') return [`${job} has no schedule`];
  const isEndless = state === 'paused' && pausedUntil === undefined;
  return isEndless ? [`${job} is ${pausedBy(note ?? '')} (nothing ends this pause)`] : [];
}

/** A firing is missing: more time has passed since the last good run than there is between two firings. */
function overdueProblems(
  temporal: TemporalStatus,
  { lastGood, longestSeconds }: DatabaseStatus,
  job: Job,
): string[] {
  const { state, activeSince, intervalMs } = scheduleOf(temporal, job) ?? { state: 'missing' };
  if (state !== 'active' || activeSince === undefined || intervalMs === undefined) return [];
  const good = lastGood[job];
  const since = Math.max(Date.parse(activeSince), good === undefined ? 0 : Date.parse(good));
  if (Date.now() - since <= intervalMs + overdueAfterMs(longestSeconds[job])) return [];
  return [
    `${job} is overdue: ${good === undefined ? 'no good run yet' : `the last good run ended ${utcMinute(good)}`}`,
  ];
}

function failureProblems({ lastRuns, unrecorded }: DatabaseStatus, job: Job): string[] {
  const missing = unrecorded.find((run) => run.job === job);
  if (missing) return [`${job} ${missing.status}: ${missing.failureType}`];
  const last = lastRuns.find((run) => run.job === job);
  return last?.outcome === 'failed' ? [`${job} failed: ${last.failureType ?? 'Unexpected'}`] : [];
}

// The first attempts of an activity also fail when a worker is replaced, a lock is busy or a download breaks off.
const retriesToReport = 3;
/** A service that refuses one attempt refuses the next ones too, until somebody does something. */
const refusals: ReadonlySet<string> = new Set<FailureType>([
  'DatabaseReadOnly',
  'DatabaseUnreachable',
  'PageUnreachable',
  'SecretUnreachable',
]);

function isReported({ attempt, failure }: PendingActivity): boolean {
  return attempt >= (failure && refusals.has(failure.type) ? 2 : retriesToReport);
}

function openProblems(run: OpenRun, known: DatabaseStatus | undefined): string[] {
  const { workflowId, state, activity } = run;
  const late = isOverdue(run, known?.longestSeconds)
    ? [`${workflowId} has been open since ${utcMinute(run.startedAt)}`]
    : [];
  if (state === 'approval') return [`${workflowId} waits for an approval`, ...late];
  if (state === 'paused') return [`${workflowId} is paused in Temporal`, ...late];
  if (state === 'stuck') return [`${workflowId} is stuck: its workflow code fails`, ...late];
  if (state === 'retrying' && activity && isReported(activity))
    return [`${workflowId} is only retrying: ${activity.name}, ${retryText(activity)}`, ...late];
  return late;
}

// A weekly covers the days until Sunday. On the Tuesday when the next one is loaded it is nine days old, and 16 days old if that
// week was missing.
const freshDays = 16;

/** Whether nobody has acknowledged the warning. */
export const isOpen = ({ acknowledgedBy }: Warning): boolean => acknowledgedBy === null;

/** What a run has found is a warning already, which somebody may have acknowledged. */
function loaderProblems({ otherLoader, warnings }: DatabaseStatus): string[] {
  const isNew = otherLoader !== undefined && warnings.every(({ remark }) => remark !== otherLoader);
  return isNew ? [otherLoader] : [];
}

/** The archive is the worker's: a host without one, such as an operator's, need not have it. */
function archiveProblems({ isWorkerHere }: TemporalStatus, { missingArchive }: DatabaseStatus): string[] {
  if (!isWorkerHere || missingArchive === undefined) return [];
  return [`${missingArchive} ${failures.ArchiveMissing.nextStep}`];
}

function registryProblems(temporal: TemporalStatus, { registry, warnings }: DatabaseStatus): string[] {
  if (!registry) return [];
  const { dataUntil, gaps } = registry;
  // A gap that a run has found is a warning already, which somebody may have acknowledged.
  const isWarning = (period: string) => warnings.some(({ remark }) => remark.includes(period));
  const days = dataUntil === null ? 0 : ageDays(dataUntil);
  const isLoaded = scheduleOf(temporal, 'npi-update')?.state === 'active';
  return [
    ...gaps
      .map(({ start, end }) => `${start} to ${end}`)
      .filter((period) => !isWarning(period))
      .map((period) => `no loaded release covers ${period}`),
    ...(isLoaded && days > freshDays ? [`the registry is ${days} days old`] : []),
  ];
}
