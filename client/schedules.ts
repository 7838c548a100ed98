import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';
import type { Config } from '../config/config.ts';
import { jobs, runTimeoutDays, weeklySchedules, type Job } from '../contract/schedules.ts';
import { taskQueues } from '../contract/task-queues.ts';
import { scheduleNote } from './schedule-note.ts';
import { pausedUntil } from './timed-pause.ts';

/** A schedule as the configuration wants it, in terms that can be compared with what the server has. */
export interface PlannedSchedule {
  readonly job: Job;
  readonly cron: string;
  readonly timezone: string;
  readonly catchupMs: number;
  /** `SCHEDULE_…=off`: the schedule exists, paused. */
  readonly isOff: boolean;
}

/** What `apply` does, or would do, to one schedule. */
export interface ScheduleChange {
  readonly job: Job;
  readonly action: 'created' | 'updated' | 'unchanged';
  /** One line for each difference, as `cron: 0 8 * * 2 -> 0 9 * * 2`. */
  readonly differences: readonly string[];
}

/** After this time Temporal ends a run. */
export const runTimeoutMs = runTimeoutDays * 86_400_000;

/** The note that distinguishes a pause by configuration from an operator's pause. */
export const offNote = 'off by configuration';

/** A pause in words. The note of a pause by a command begins with `paused`; another one is any text, or empty. */
export const pausedBy = (note: string): string =>
  note.startsWith('paused') ? note : `paused${note && `: ${note}`}`;

/** The schedules that the configuration wants; a pure function of it. */
export function plannedSchedules({ crons, timezone, catchupMs }: Config): PlannedSchedule[] {
  return jobs.map((job) => {
    const cron = crons[job] ?? weeklySchedules[job].cron;
    const isOff = cron === 'off';
    return { job, cron: isOff ? weeklySchedules[job].cron : cron, timezone, catchupMs, isOff };
  });
}

export interface ApplyOptions {
  readonly isDryRun?: boolean;
  /** Create missing schedules and leave existing ones unchanged. */
  readonly isOnlyMissing?: boolean;
  /** New schedules start paused with this note. */
  readonly pausedNote?: string;
}

/**
 * Creates missing schedules and updates those that differ from the plan. Keeps an operator's pause.
 */
export async function applySchedules(
  client: Client,
  planned: readonly PlannedSchedule[],
  { isDryRun = false, isOnlyMissing = false, pausedNote }: ApplyOptions = {},
): Promise<ScheduleChange[]> {
  const changes: ScheduleChange[] = [];
  for (const plan of planned) {
    const found = await describeSchedule(client, plan.job);
    if (found === undefined) {
      if (!isDryRun) await create(client, plan, pausedNote);
      changes.push({ job: plan.job, action: 'created', differences: [] });
      continue;
    }
    const differences = isOnlyMissing ? [] : [...differencesOf(plan, found), ...noteDifference(plan, found)];
    if (differences.length > 0 && !isDryRun) await update(client, plan);
    const action = differences.length > 0 ? 'updated' : 'unchanged';
    changes.push({ job: plan.job, action, differences });
  }
  return changes;
}

/** The schedule of a job on the server; undefined when there is none. */
export async function describeSchedule(client: Client, job: Job): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(job).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

async function create(client: Client, plan: PlannedSchedule, pausedNote: string | undefined): Promise<void> {
  const pause = plan.isOff ? offNote : pausedNote;
  const state = { paused: pause !== undefined, note: pause ?? noteOf(plan) };
  try {
    await client.schedule.create({ scheduleId: plan.job, ...definition(plan), state });
  } catch (error) {
    // Another `apply` has created it meanwhile; update that one.
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await update(client, plan);
  }
}

function update(client: Client, plan: PlannedSchedule): Promise<void> {
  // Build the definition anew: the server returns a cron as calendars, and sending both back would start every run twice.
  return client.schedule.getHandle(plan.job).update((previous) => ({
    ...continued(definition(plan), previous),
    state: { ...previous.state, ...wantedState(plan, previous) },
  }));
}

/** Keeps a pause that ends by itself. */
function continued({ spec, ...rest }: ReturnType<typeof definition>, previous: ScheduleDescription) {
  const until = pausedUntil(previous);
  return { ...rest, spec: { ...spec, ...(until && { startAt: until }) } };
}

function definition({ job, cron, timezone, catchupMs }: PlannedSchedule) {
  const { workflowType, summary } = weeklySchedules[job];
  return {
    // The server turns a cron into calendars. It keeps the text after `#` as their comment, which shows what was applied.
    spec: { cronExpressions: [`${cron} # ${cron}`], timezone },
    action: {
      type: 'startWorkflow',
      workflowId: job,
      workflowType,
      taskQueue: taskQueues.main,
      staticSummary: summary,
      workflowExecutionTimeout: runTimeoutMs,
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: catchupMs },
  } as const satisfies Omit<ScheduleOptions, 'scheduleId'>;
}

const noteOf = ({ job, cron, timezone }: PlannedSchedule) => scheduleNote(job, cron, timezone);

/** Keeps an operator's pause and its note, and what follows the sentence in the note of a schedule that was resumed. */
function wantedState(plan: PlannedSchedule, found: ScheduleDescription) {
  const { paused, note = '' } = found.state;
  if (paused && note !== offNote) return { paused, note };
  if (plan.isOff) return { paused: true, note: offNote };
  if (!paused && pausedUntil(found)) return { paused, note };
  return { paused: false, note: note.startsWith(noteOf(plan)) ? note : noteOf(plan) };
}

/** What of a schedule differs from the plan. Its note is only words, and does not count. */
export function differencesOf(plan: PlannedSchedule, found: ScheduleDescription): string[] {
  const wanted: Comparable = {
    ...comparable(plan, definition(plan)),
    paused: wantedState(plan, found).paused,
  };
  const has: Comparable = { ...comparableFound(found), paused: found.state.paused };
  return Object.keys(wanted)
    .filter((name) => wanted[name] !== has[name])
    .map((name) => `${name}: ${String(has[name])} -> ${String(wanted[name])}`);
}

function noteDifference(plan: PlannedSchedule, found: ScheduleDescription): string[] {
  const { note: has = '' } = found.state;
  const { note } = wantedState(plan, found);
  return note === has ? [] : [`note: ${has} -> ${note}`];
}

type Comparable = Readonly<Record<string, string | number | boolean | undefined>>;

function comparable(
  { cron, timezone }: PlannedSchedule,
  { action, policies }: ReturnType<typeof definition>,
): Comparable {
  return {
    cron,
    timezone,
    workflowType: action.workflowType,
    taskQueue: action.taskQueue,
    summary: action.staticSummary,
    timeoutMs: action.workflowExecutionTimeout,
    overlap: policies.overlap,
    catchupMs: policies.catchupWindow,
  };
}

/** The cron that was applied to a schedule; in words when somebody changed it by hand. */
export function appliedCron({ spec }: Pick<ScheduleDescription, 'spec'>): string {
  const calendars = (spec.calendars ?? []).map(({ comment }) => comment || 'a calendar set by hand');
  const intervals = (spec.intervals ?? []).map(() => 'an interval set by hand');
  return [...calendars, ...intervals].join(', ');
}

function comparableFound({ spec, action, policies }: ScheduleDescription): Comparable {
  return {
    cron: appliedCron({ spec }),
    timezone: spec.timezone ?? 'UTC',
    workflowType: action.workflowType,
    taskQueue: action.taskQueue,
    summary: action.staticSummary,
    timeoutMs: action.workflowExecutionTimeout,
    overlap: policies.overlap,
    catchupMs: policies.catchupWindow,
  };
}
