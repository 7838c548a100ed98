import type { CaseUpdateResult } from '../contract/workflows.ts';
import { grouped, waysToAnswer } from './details.ts';

type Move = Pick<CaseUpdateResult, 'source' | 'target'>;

/** `10 -> 15`; `undo` for an undo, which has no source and target status. */
export function moveName({ source, target }: Move): string {
  return source === undefined || target === undefined ? 'undo' : `${source} -> ${target}`;
}

/** What the Web UI shows while a run works: its phase and its move. */
export function phaseDetails(move: Move, phase: string, more?: string): string {
  return [`**${phase}** (${moveName(move)})`, ...(more === undefined ? [] : [more])].join('\n\n');
}

/** What a person must know to approve or reject, and the two ways to answer. */
export function approvalDetails(move: Move, found: number, limit: number): string {
  return [
    `**waits for an approval**: ${grouped(found)} cases would move (${moveName(move)}); the limit is ${grouped(limit)}`,
    waysToAnswer(),
    'Without an answer the run fails after 24 hours. No case moves before the answer.',
  ].join('\n\n');
}

/** What the Web UI shows when a run has ended. */
export function endDetails(result: CaseUpdateResult): string {
  const { outcome, found, updated, exceptions, remarks, seconds, casesPerSecond } = result;
  const line = (name: string, value: string) => `| ${name} | ${value} |`;
  return [
    `**${outcome}** (${moveName(result)}) in ${seconds.toFixed(1)} s`,
    [
      line('', ''),
      '| --- | ---: |',
      line('found', grouped(found)),
      line('updated', grouped(updated)),
      ...Object.entries(exceptions).map(([reason, cases]) => line(reason, grouped(cases))),
      line('cases/s', grouped(casesPerSecond)),
    ].join('\n'),
    ...remarks.map((remark) => `- ${remark}`),
  ].join('\n\n');
}
