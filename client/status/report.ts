import { goodOutcomes, type DryRun, type FinishedRun } from '../../db/ledger/runs.ts';
import type { Warning } from '../../db/ledger/warnings.ts';
import { jobs, weeklySchedules, type Job } from '../../contract/schedules.ts';
import { overdueAfterMs } from '../../worker/watch.ts';
import type { RegistryStatus } from '../registry.ts';
import type { OpenRun } from './open-runs.ts';
import type { FailedRun, TemporalStatus } from './temporal.ts';

/** What the database knows; `registry` is absent when this service's own tables are missing. */
export interface DatabaseStatus {
  readonly obstacles: readonly string[];
  /** The last finished run of each job. */
  readonly lastRuns: readonly FinishedRun[];
  /** Up to seven finished runs of each job, oldest first. */
  readonly recentRuns: readonly FinishedRun[];
  /** The newest completed dry run of each job. */
  readonly dryRuns: readonly DryRun[];
  /** Seconds that a good run usually takes (the median of the last ones), by job. */
  readonly usualSeconds: Readonly<Record<string, number>>;
  /** Seconds of the longest of the last good runs, by job. */
  readonly longestSeconds: Readonly<Record<string, number>>;
  /** The end of the last good run of each job, ISO, UTC. */
  readonly lastGood: Readonly<Record<string, string>>;
  /** Runs that failed after the last run of the ledger and are not in it. */
  readonly unrecorded: readonly FailedRun[];
  /** Remarks of runs that still hold, also those that somebody has acknowledged. */
  readonly warnings: readonly Warning[];
  readonly registry?: RegistryStatus;
  /** Tables of the registry that have lost all their rows. */
  readonly emptied: readonly string[];
  /** Says that another program loads the registry too; absent when none does. */
  readonly otherLoader?: string;
  /** Says that the archive does not exist on this host although releases were archived. */
  readonly missingArchive?: string;
}

export interface Unanswered {
  readonly error: string;
}

/** Everything that the page shows. */
export interface StatusReport {
  readonly temporal: TemporalStatus | Unanswered;
  readonly database: DatabaseStatus | Unanswered;
}

const shownRuns = 7;
const isGood = (outcome: string) => goodOutcomes.some((good) => good === outcome);

/** How the last finished runs of the ledger (newest first) went. */
export function historyOf(
  runs: readonly FinishedRun[],
): Pick<DatabaseStatus, 'lastRuns' | 'recentRuns' | 'usualSeconds' | 'lastGood'> {
  const all = Array.from(new Set(runs.map(({ job }) => job)), (job) => {
    const own = runs.filter((run) => run.job === job);
    return { job, own, good: own.filter(({ outcome }) => isGood(outcome)) };
  });
  const withGood = all.filter(({ good }) => good.length > 0);
  return {
    lastRuns: all.flatMap(({ own }) => own.slice(0, 1)),
    recentRuns: all.flatMap(({ own }) => own.slice(0, shownRuns).reverse()),
    usualSeconds: Object.fromEntries(withGood.map(({ job, good }) => [job, median(good)])),
    lastGood: Object.fromEntries(withGood.map(({ job, good }) => [job, isoOf(good[0]?.finishedAt ?? '')])),
  };
}

const isoOf = (time: string) => new Date(`${time.replace(' ', 'T')}Z`).toISOString();

function median(runs: readonly FinishedRun[]): number {
  const sorted = runs.map(({ seconds }) => seconds).sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

/** The job of an open run; undefined for an undo. */
export function jobOf({ workflowType }: OpenRun): Job | undefined {
  return jobs.find((job) => weeklySchedules[job].workflowType === workflowType);
}

/** Whether a run is open for much longer than its job usually takes. */
export function isOverdue(run: OpenRun, longestSeconds: DatabaseStatus['longestSeconds'] = {}): boolean {
  const job = jobOf(run);
  return Date.now() - Date.parse(run.startedAt) > overdueAfterMs(job && longestSeconds[job]);
}
