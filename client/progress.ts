import { grouped } from './numbers.ts';
import { sized } from '../nppes/transfer/disk-space.ts';
import type { RunSnapshot } from './follow.ts';
import { retryText } from './pending-activity.ts';
import type { CasePhase, CaseProgress, NpiPhase, NpiProgress, RunProgress } from '../contract/workflows.ts';

const widestBar = 24;
const narrowestBar = 8;

// Where each phase of a release starts and ends on the bar, roughly as a weekly spends its time.
const spans: Readonly<Record<NpiPhase, readonly [number, number]>> = {
  begin: [0, 0],
  waiting: [0, 0],
  discover: [0, 0.02],
  download: [0.02, 0.2],
  stage: [0.2, 0.6],
  publish: [0.6, 0.98],
  load: [0.1, 0.7],
  index: [0.7, 0.95],
  check: [0.95, 0.96],
  approval: [0.96, 0.96],
  swap: [0.96, 0.98],
  archive: [0.98, 1],
  'registry check': [0, 0],
  rollback: [0.1, 1],
  done: [1, 1],
};

/**
 * `[######------]  52 %  stage: 2026-09-14..20, 18,000 rows`, and the texts of `rate`. The text comes first: the bar gets the
 * columns that it leaves.
 */
export function progressLine(
  snapshot: RunSnapshot,
  runId: string,
  columns: number,
  rate: readonly string[] = [],
): string {
  const fraction = fractionDone(snapshot);
  const text = `${String(Math.round(fraction * 100)).padStart(3)} %  ${[stepLine(snapshot, runId), ...rate].join(', ')}`;
  const width = Math.min(widestBar, columns - text.length - '[] '.length);
  if (width < narrowestBar) return text.trimStart();
  const filled = Math.round(fraction * width);
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${text}`;
}

/**
 * The current step without bar and counts, for logs and pipes. For a run that waits, the command that answers it; for a failing
 * activity, the attempt, the reason and the next try.
 */
export function stepName({ progress, activity }: RunSnapshot, runId: string): string {
  const step = phaseName(progress, runId);
  if (activity?.state === 'retrying') return `${step}, ${retryText(activity)}`;
  if (activity?.state !== 'paused') return step;
  return `${step}, paused in Temporal${activity.pausedBy === undefined ? '' : ` ${activity.pausedBy}`}`;
}

function phaseName(progress: RunProgress, runId: string): string {
  if (!isNpi(progress)) return progress.phase === 'approval' ? approvalName(progress, runId) : progress.phase;
  const { phase, release } = progress;
  if (phase === 'approval')
    return `waiting for approval of a smaller monthly: surgicase runs approve ${runId}`;
  // The prefix that all CMS file names share would push the counts off the line.
  const name = release?.replace('NPPES_Data_Dissemination_', '');
  return name === undefined ? phase : `${phase}: ${name}`;
}

const isNpi = (progress: RunProgress): progress is NpiProgress => 'releasesDue' in progress;

function approvalName({ found, limit = 0 }: CaseProgress, runId: string): string {
  return `waiting for approval (${grouped(found)} cases, more than ${grouped(limit)}): surgicase runs approve ${runId}`;
}

function stepLine(snapshot: RunSnapshot, runId: string): string {
  const heartbeat = snapshot.activity?.heartbeat;
  const parts = [
    stepName(snapshot, runId),
    ...(heartbeat?.cases === undefined ? [] : [`${grouped(heartbeat.cases)} cases`]),
    ...(heartbeat?.rows === undefined ? [] : [`${grouped(heartbeat.rows)} rows`]),
    ...(heartbeat?.bytes === undefined ? [] : [sized(heartbeat.bytes)]),
    ...(heartbeat?.step === undefined ? [] : [heartbeat.step]),
  ];
  return parts.join(', ');
}

const caseSpans: Readonly<Record<CasePhase, number>> = {
  begin: 0,
  waiting: 0,
  select: 0.05,
  approval: 0.1,
  move: 0.1,
  done: 1,
};

function fractionDone({ progress, activity }: RunSnapshot): number {
  const heartbeat = activity?.heartbeat;
  if (!isNpi(progress)) {
    const { phase, found } = progress;
    const inPhase = phase === 'move' ? (heartbeat?.cases ?? 0) / Math.max(1, found) : 0;
    return caseSpans[phase] + 0.9 * inPhase;
  }
  const { phase, releasesDone, releasesDue } = progress;
  const [from, to] = spans[phase];
  const inPhase =
    heartbeat?.phase === phase && heartbeat.bytes !== undefined && heartbeat.totalBytes
      ? Math.min(1, heartbeat.bytes / heartbeat.totalBytes)
      : 0;
  // A release is counted as done before its zip is archived.
  const doneBefore = phase === 'archive' ? Math.max(0, releasesDone - 1) : releasesDone;
  return Math.min(1, (doneBefore + from + (to - from) * inPhase) / Math.max(1, releasesDue));
}
