import type { Client } from '@temporalio/client';
import type { Config } from '../../config/config.ts';
import { jobs, weeklySchedules, type Job } from '../../contract/schedules.ts';
import { withClient } from '../connection.ts';
import { CommandError, exitCodes } from '../exit.ts';
import {
  applySchedules,
  describeSchedule,
  offNote,
  plannedSchedules,
  type ScheduleChange,
} from '../schedules.ts';
import type { Terminal } from '../terminal.ts';
import { utcMinute } from '../../telemetry/times.ts';

/** `schedules apply` and, with `isDryRun`, `schedules diff`. */
export function apply(config: Config, terminal: Terminal, isDryRun: boolean): Promise<number> {
  return withClient(config, async (client) => {
    const changes = await applySchedules(client, plannedSchedules(config), { isDryRun });
    terminal.answer(
      changes,
      changes.flatMap((change) => changeLines(change, isDryRun)),
    );
    return exitCodes.done;
  });
}

function changeLines({ job, action, differences }: ScheduleChange, isDryRun: boolean): string[] {
  const verb = isDryRun && action !== 'unchanged' ? `would be ${action}` : action;
  return [`${job}: ${verb}`, ...differences.map((line) => `  ${line}`)];
}

/** `schedules list`: shows when each job runs next, and its last runs. */
export function list(config: Config, terminal: Terminal): Promise<number> {
  return withClient(config, async (client) => {
    const schedules = await Promise.all(jobs.map((job) => shownSchedule(client, job)));
    terminal.answer(schedules, schedules.flatMap(scheduleLines));
    return exitCodes.done;
  });
}

async function shownSchedule(client: Client, job: Job) {
  const found = await describeSchedule(client, job);
  if (!found) return { job, exists: false as const };
  const { paused: isPaused, note = '' } = found.state;
  return {
    job,
    exists: true as const,
    cron: (found.spec.calendars ?? []).map(({ comment }) => comment).join(', '),
    timezone: found.spec.timezone ?? 'UTC',
    isPaused,
    note,
    nextAt: isPaused ? [] : found.info.nextActionTimes.slice(0, 3).map((time) => time.toISOString()),
    lastRuns: found.info.recentActions.slice(-3).map(({ takenAt, action }) => ({
      at: takenAt.toISOString(),
      workflowId: action.workflow.workflowId,
    })),
  };
}

function scheduleLines(shown: Awaited<ReturnType<typeof shownSchedule>>): string[] {
  if (!shown.exists) return [`${shown.job}: no schedule; \`surgicase schedules apply\` creates it`];
  const { job, cron, timezone, isPaused, note, nextAt, lastRuns } = shown;
  return [
    `${job}: ${cron} ${timezone}${isPaused ? `, paused${note && `: ${note}`}` : ''}`,
    ...nextAt.slice(0, 1).map((time) => `  next ${utcMinute(time)}`),
    ...lastRuns.map(({ at, workflowId }) => `  ran ${utcMinute(at)} as ${workflowId}`),
  ];
}

/** `schedules pause` and `resume`. The note of a pause tells people why it was paused. */
export function setPaused(
  config: Config,
  terminal: Terminal,
  job: Job,
  { isPaused, note }: { readonly isPaused: boolean; readonly note?: string },
): Promise<number> {
  return withClient(config, async (client) => {
    const found = await describeSchedule(client, job);
    if (!found)
      throw new CommandError(
        exitCodes.usage,
        `There is no schedule ${job}. \`surgicase schedules apply\` creates it.`,
      );
    if (!isPaused && found.state.note === offNote) {
      throw new CommandError(
        exitCodes.usage,
        `${job} is off by configuration. Change ${weeklySchedules[job].variable}, then run \`surgicase schedules apply\`.`,
      );
    }
    const handle = client.schedule.getHandle(job);
    await (isPaused
      ? handle.pause(note ?? 'paused by an operator')
      : handle.unpause(note ?? 'resumed by an operator'));
    terminal.answer({ job, isPaused }, [`${job}: ${isPaused ? 'paused' : 'resumed'}`]);
    return exitCodes.done;
  });
}
