import type { Config } from '../../config/config.ts';
import { utcMinute } from '../../telemetry/times.ts';
import { runLink } from '../links.ts';
import { seconds } from '../numbers.ts';
import { retryText } from '../pending-activity.ts';
import type { OpenRun, RunState } from './open-runs.ts';
import { isOverdue, jobOf, type DatabaseStatus } from './report.ts';

/** An open run as lines: what it does, for how long, and its link. */
export function openLines(config: Config, run: OpenRun, known: DatabaseStatus | undefined): string[] {
  const { workflowId, startedAt } = run;
  const job = jobOf(run);
  const usual = job && known?.usualSeconds[job];
  const openSeconds = (Date.now() - Date.parse(startedAt)) / 1000;
  const duration = `open for ${shortly(openSeconds)}${usual === undefined ? '' : ` (usually ${seconds(usual)})`}`;
  return [
    `${workflowId} ${stateText(run)}`,
    `             ${isOverdue(run, known?.longestSeconds) ? 'overdue: ' : ''}${duration}, since ${utcMinute(startedAt)}`,
    `             ${runLink(config, run)}`,
  ];
}

const shortly = (duration: number) =>
  duration < 120 ? seconds(duration) : `${Math.round(duration / 60)} min`;

function stateText({ workflowId, runId, state, phase, activity, taskAttempt }: OpenRun): string {
  const step = phase ?? activity?.name;
  const by = activity?.pausedBy === undefined ? '' : ` ${activity.pausedBy}`;
  const texts: Readonly<Record<RunState, string>> = {
    approval: `waiting for approval: \`surgicase runs approve ${runId}\`, or \`reject\``,
    lease: 'waiting until another run of the job has ended',
    paused: `paused in Temporal${by}: \`temporal activity unpause --workflow-id ${workflowId} --activity-id ${activity?.id}\``,
    retrying: `retrying: ${step}${activity ? `, ${retryText(activity)}` : ''}`,
    stuck: `stuck: its workflow code has failed ${taskAttempt} times; the worker's log has the error`,
    unserved: `waiting for a worker${step === undefined ? '' : ` (${step})`}`,
    working: `running${step === undefined ? '' : `: ${step}`}`,
  };
  return texts[state];
}
