import { jobs, weeklySchedules, type Job } from '../../contract/schedules.ts';
import { describeSchedule, differencesOf, offNote, plannedSchedules } from '../schedules.ts';
import { orOk, warning, wrong, type Check, type Finding } from './check.ts';
import type { TemporalSubject } from './temporal.ts';

/** What the schedules must be like. */
export const scheduleChecks: readonly Check<TemporalSubject>[] = [
  { name: 'schedules', needs: ['namespace'], look: missing },
  { name: 'schedule-settings', needs: ['namespace'], look: drifted },
  { name: 'schedule-state', needs: ['namespace'], look: stopped },
];

const apply = 'Run `surgicase schedules apply`.';

async function missing({ client }: TemporalSubject): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const job of jobs) {
    if ((await describeSchedule(client, job)) === undefined)
      findings.push(
        (await hasFired(client, job))
          ? wrong(
              `The schedule ${job} is gone, although it has started runs: somebody deleted it, or the server closed it.`,
              apply,
            )
          : wrong(`The schedule ${job} does not exist.`, apply),
      );
  }
  return orOk(findings, `${jobs.length} schedules exist`);
}

async function hasFired(client: TemporalSubject['client'], job: Job): Promise<boolean> {
  const query = `WorkflowType = '${weeklySchedules[job].workflowType}' AND TemporalScheduledById = '${job}'`;
  return (await client.workflow.count(query)).count > 0;
}

async function drifted({ client, config }: TemporalSubject): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const plan of plannedSchedules(config)) {
    const found = await describeSchedule(client, plan.job);
    for (const difference of found ? differencesOf(plan, found) : [])
      findings.push(wrong(`The schedule ${plan.job} differs from the configuration: ${difference}.`, apply));
  }
  return orOk(findings, 'as configured');
}

async function stopped({ client }: TemporalSubject): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const job of jobs) {
    const found = await describeSchedule(client, job);
    if (found === undefined) continue;
    const { paused: isPaused, note } = found.state;
    if (isPaused && note !== offNote)
      findings.push(
        warning(
          `The schedule ${job} is paused${note ? ` (${note})` : ''}.`,
          `Run \`surgicase schedules resume ${job}\`.`,
        ),
      );
    if (!isPaused && found.info.nextActionTimes.length === 0)
      findings.push(
        wrong(
          `The schedule ${job} has no next run: its end or its number of runs was set by hand.`,
          `Run \`temporal schedule delete --schedule-id ${job}\`, then \`surgicase schedules apply\`.`,
        ),
      );
  }
  return orOk(findings, 'none is paused');
}
