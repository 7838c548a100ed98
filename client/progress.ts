import { grouped, megabytes } from './numbers.ts';
import type { RunSnapshot } from './follow.ts';
import type { NpiPhase } from '../contract/workflows.ts';

const barWidth = 24;

// Where each phase of a release begins and ends on the bar; a weekly spends its time about so.
const spans: Readonly<Record<NpiPhase, readonly [number, number]>> = {
  begin: [0, 0],
  waiting: [0, 0],
  discover: [0, 0.02],
  download: [0.02, 0.2],
  stage: [0.2, 0.6],
  publish: [0.6, 0.98],
  archive: [0.98, 1],
  done: [1, 1],
};

/** `[######------]  52 %  stage: 2026-09-14..20, 18,000 rows`. */
export function progressLine(snapshot: RunSnapshot): string {
  const fraction = fractionDone(snapshot);
  const filled = Math.round(fraction * barWidth);
  const percent = String(Math.round(fraction * 100)).padStart(3);
  return `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}] ${percent} %  ${stepLine(snapshot)}`;
}

/** The same without the bar and without what changes all the time, for logs and pipes. */
export function stepName({ progress: { phase, release } }: RunSnapshot): string {
  // What all file names of CMS begin with would push the counts out of the line.
  const name = release?.replace('NPPES_Data_Dissemination_', '');
  return name === undefined ? phase : `${phase}: ${name}`;
}

function stepLine(snapshot: RunSnapshot): string {
  const { heartbeat, retry } = snapshot;
  const parts = [
    stepName(snapshot),
    ...(heartbeat?.rows === undefined ? [] : [`${grouped(heartbeat.rows)} rows`]),
    ...(heartbeat?.bytes === undefined ? [] : [megabytes(heartbeat.bytes)]),
    ...(heartbeat?.step === undefined ? [] : [heartbeat.step]),
    ...(retry === undefined ? [] : [`attempt ${retry.attempt}: ${retry.message}`]),
  ];
  return parts.join(', ');
}

function fractionDone({ progress, heartbeat }: RunSnapshot): number {
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
