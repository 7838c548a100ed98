import type { CaseUpdateResult } from '../contract/workflows.ts';
import { grouped } from './details.ts';

type Move = Pick<CaseUpdateResult, 'source' | 'target'>;

/** `10 -> 15`; an undo has no statuses of its own. */
export function moveName({ source, target }: Move): string {
  return source === undefined || target === undefined ? 'back' : `${source} -> ${target}`;
}

/** What is under way. */
export function phaseDetails(move: Move, phase: string, more?: string): string {
  return [`**${phase}** (${moveName(move)})`, ...(more === undefined ? [] : [more])].join('\n\n');
}

/** What a person has to know who is asked, and the two ways to answer. */
export function approvalDetails(move: Move, found: number, limit: number): string {
  return [
    `**waits for an approval**: ${grouped(found)} cases would move (${moveName(move)}), more than ${grouped(limit)}`,
    '*More Actions*, *Send an Update*: `approve` or `reject`, no input; or `surgicase runs approve|reject <run id>`.',
    'Without an answer it fails after 24 hours. Nothing is moved until then.',
  ].join('\n\n');
}

/** The last words of a run. */
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
