import type { ReleaseSeconds } from '../contract/activities.ts';
import type { RunJob } from '../contract/schedules.ts';
import type { CaseUpdateResult, NpiUpdateResult, ReleaseOutcome } from '../contract/workflows.ts';
import { adviceFor, failures, type FailureType } from '../contract/failures.ts';
import type { UndoneCases } from '../db/cases/undo-preview.ts';
import type { RunEnd } from './follow.ts';
import { grouped, seconds } from './numbers.ts';
import { sized } from '../nppes/transfer/disk-space.ts';

/**
 * Lines that say how a run ended: counts by kind, seconds by phase and remarks; for a failure, what to do next. `direction` is
 * that of an undo, whose result names no statuses.
 */
export function summaryLines(job: RunJob, end: RunEnd, direction?: string): string[] {
  if (!end.isDone) return failureLines(job, end);
  return 'releases' in end.result ? npiLines(job, end.result) : caseLines(job, end.result, direction);
}

/** `15 back to 10`; of several directions, each with its count. Empty when there is nothing to bring back. */
export function directionOf(back: readonly UndoneCases[]): string {
  const isOne = back.length === 1;
  return back
    .map(
      ({ from, to, count }) =>
        `${isOne ? '' : `${grouped(count)} from `}${from} back to ${to ?? 'no status'}`,
    )
    .join(', ');
}

function caseLines(job: RunJob, result: CaseUpdateResult, direction = ''): string[] {
  const { outcome, source, target, found, updated, exceptions, remarks } = result;
  const way = source === undefined ? direction : `${source} -> ${target}`;
  const move = way === '' ? '' : `, ${way}`;
  const rate = updated === 0 ? '' : `, ${grouped(result.casesPerSecond)} cases/s`;
  return [
    `${job}: ${outcome} in ${seconds(result.seconds)}`,
    `  ${grouped(found)} cases found${move}; ${grouped(updated)} updated${rate}`,
    ...Object.entries(exceptions).map(([reason, cases]) => `  ${grouped(cases)} not moved: ${reason}`),
    ...remarks.map((remark) => `  ${remark}`),
  ];
}

function npiLines(job: RunJob, { outcome, releases, remarks, seconds: duration }: NpiUpdateResult): string[] {
  return [
    `${job}: ${outcome} in ${seconds(duration)}`,
    ...releases.flatMap(releaseLines),
    ...remarks.map((remark) => `  ${remark}`),
  ];
}

function releaseLines({
  kind,
  release,
  counts,
  sizeBytes,
  search,
  refusedByReason,
  references = [],
  seconds: took,
}: ReleaseOutcome): string[] {
  const fates = ['inserted', 'updated', 'unchanged', 'stale', 'refused', 'duplicates'] as const;
  const byFate = fates.map((fate) => `${grouped(counts[fate])} ${fate}`).join(', ');
  const reasons = Object.entries(refusedByReason).map(([reason, count]) => `${grouped(count)} ${reason}`);
  const total = took.download + took.stage + took.publish + took.archive;
  const rate = grouped(Math.round(counts.rows / Math.max(total, 0.001)));
  return [
    `  ${release} (${sized(sizeBytes)})`,
    `    ${grouped(counts.rows)} rows: ${byFate}; ${grouped(counts.deactivated)} deactivated`,
    ...(reasons.length > 0 ? [`    refused: ${reasons.join(', ')}`] : []),
    `    search: ${grouped(search.written)} rows written, ${grouped(search.deleted)} deleted, ${search.tables} tables`,
    ...references.map(referenceLine),
    `    download ${seconds(took.download)}, ${phaseSeconds(kind, took)}, archive ${seconds(took.archive)}: ${rate} rows/s`,
  ];
}

function referenceLine({
  table,
  rows,
  ...counts
}: NonNullable<ReleaseOutcome['references']>[number]): string {
  const fates = ['written', 'duplicates', 'stale', 'refused'] as const;
  return `    ${table}: ${grouped(rows)} rows: ${fates.map((fate) => `${grouped(counts[fate])} ${fate}`).join(', ')}`;
}

function phaseSeconds(kind: ReleaseOutcome['kind'], { stage, publish, index }: ReleaseSeconds): string {
  if (kind === 'monthly')
    return `load ${seconds(stage)}, index ${seconds(index)}, swap ${seconds(publish - index)}`;
  return `stage ${seconds(stage)}, publish ${seconds(publish)} (index ${seconds(index)})`;
}

function failureLines(job: RunJob, { failureType, message }: Extract<RunEnd, { isDone: false }>): string[] {
  const isKnown = Object.hasOwn(failures, failureType);
  const nextStep = isKnown ? failures[failureType as FailureType].nextStep : '';
  // The message of a known failure ends with its advice, for the Web UI; here the next step is a line of its own.
  const advice = isKnown ? adviceFor(failureType as FailureType) : '';
  const what = message.endsWith(advice) ? message.slice(0, message.length - advice.length) : message;
  return [
    `${job}: failed: ${failureType}`,
    `  ${what.trim()}`,
    ...(isKnown ? [`  ${nextStep}`, `  More: docs/troubleshooting.md#${failureType.toLowerCase()}`] : []),
  ];
}
