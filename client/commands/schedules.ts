import type { Client } from '@temporalio/client';
import type { Config } from '../../config/config.ts';
import { jobs, weeklySchedules, type Job } from '../../contract/schedules.ts';
import { recordDecision, type DecisionMade } from '../../db/ledger/decisions.ts';
import { withClient } from '../connection.ts';
import { withDatabase } from '../database.ts';
import { personLine, personOf, type PersonOptions } from '../decided-by.ts';
import { CommandError, exitCodes } from '../exit.ts';
import {
  appliedCron,
  applySchedules,
  describeSchedule,
  offNote,
  pausedBy,
  plannedSchedules,
  type ScheduleChange,
} from '../schedules.ts';
import { scheduleNote } from '../schedule-note.ts';
import { registerForRuns } from '../search-attributes.ts';
import type { Terminal } from '../terminal.ts';
import { changePause, pausedUntil } from '../timed-pause.ts';
import { utcMinute } from '../../telemetry/times.ts';

/** `schedules apply` and, with `isDryRun`, `schedules diff`. */
export function apply(config: Config, terminal: Terminal, isDryRun: boolean): Promise<number> {
  return withClient(config, async (client) => {
    const changes = await applySchedules(client, plannedSchedules(config), { isDryRun });
    if (!isDryRun) for (const line of await registerForRuns(client)) terminal.say(line);
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
  const { paused, note = '' } = found.state;
  const until = pausedUntil(found)?.toISOString();
  return {
    job,
    exists: true as const,
    cron: appliedCron(found),
    timezone: found.spec.timezone ?? 'UTC',
    isPaused: paused || until !== undefined,
    ...(until !== undefined && { pausedUntil: until }),
    note,
    nextAt: paused ? [] : found.info.nextActionTimes.slice(0, 3).map((time) => time.toISOString()),
    lastRuns: found.info.recentActions.slice(-3).map(({ takenAt, action }) => ({
      at: takenAt.toISOString(),
      workflowId: action.workflow.workflowId,
    })),
  };
}

function scheduleLines(shown: Awaited<ReturnType<typeof shownSchedule>>): string[] {
  if (!shown.exists) return [`${shown.job}: no schedule; \`surgicase schedules apply\` creates it`];
  const { job, cron, timezone, isPaused, pausedUntil: end, note, nextAt, lastRuns } = shown;
  const paused = end === undefined ? pausedBy(note) : note;
  return [
    `${job}: ${cron} ${timezone}${isPaused ? `, ${paused}` : ''}`,
    ...nextAt.slice(0, 1).map((time) => `  next ${utcMinute(time)}`),
    ...lastRuns.map(({ at, workflowId }) => `  ran ${utcMinute(at)} as ${workflowId}`),
  ];
}

/**
 * `schedules pause` and `resume`. The note of the schedule says who paused it and why, and so does the ledger, where there is
 * one: a pause must also work while the database is away. After `forMs` a pause ends by itself.
 */
export function setPaused(
  config: Config,
  terminal: Terminal,
  job: Job,
  { isPaused, forMs, ...options }: PersonOptions & { readonly isPaused: boolean; readonly forMs?: number },
): Promise<number> {
  return withClient(config, async (client) => {
    const found = await describeSchedule(client, job);
    if (!found)
      throw new CommandError(
        exitCodes.usage,
        `There is no schedule ${job}. \`surgicase schedules apply\` creates it.`,
      );
    if ((!isPaused || forMs !== undefined) && found.state.note === offNote) {
      throw new CommandError(
        exitCodes.usage,
        `${job} is off by configuration. Change ${weeklySchedules[job].variable}, then run \`surgicase schedules apply\`.`,
      );
    }
    const until = forMs === undefined ? undefined : new Date(Date.now() + forMs).toISOString();
    const person = personOf(options);
    await changePause(client.schedule.getHandle(job), {
      isPaused,
      by: personLine(person),
      sentence: scheduleNote(job, appliedCron(found), found.spec.timezone ?? 'UTC'),
      ...(until !== undefined && { until: new Date(until) }),
    });
    await recordInLedger(config, terminal, { job, what: isPaused ? 'pause' : 'resume', ...person });
    const end = until === undefined ? '' : ` until ${utcMinute(until)}, and then resumed by Temporal`;
    terminal.answer({ job, isPaused, ...(until !== undefined && { until }) }, [
      `${job}: ${isPaused ? 'paused' : 'resumed'}${end}`,
    ]);
    return exitCodes.done;
  });
}

async function recordInLedger(config: Config, terminal: Terminal, decision: DecisionMade): Promise<void> {
  if (!config.database) return;
  try {
    await withDatabase(config, (database) =>
      database.session(new AbortController().signal, (session) => recordDecision(session, decision)),
    );
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    terminal.say(`Warning: only the note of the schedule says who did this: ${error.message}`);
  }
}
