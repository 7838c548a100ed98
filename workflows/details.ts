import { workflowInfo } from '@temporalio/workflow';
import type { NpiUpdateResult, ReleaseOutcome } from '../contract/workflows.ts';

/** What the Web UI shows about a run, while it works and when it has ended. */
export interface RunView {
  readonly now: string;
  /** The table of the activity under way, if it has said something. */
  readonly live?: readonly string[];
  readonly done: readonly ReleaseOutcome[];
  readonly remarks: readonly string[];
}

/** 1234567 as 1,234,567. Not `toLocaleString`, whose result depends on the host. */
export const grouped = (count: number) => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
const short = (seconds: number) => `${seconds.toFixed(1)} s`;

/** Markdown: the current phase with its activity, a table of the finished releases, and the remarks. */
export function runDetails({ now, live = [], done, remarks }: RunView): string {
  return [
    `**${now}**`,
    ...live,
    ...(done.length > 0 ? [releaseTable(done)] : []),
    ...remarks.map((remark) => `- ${remark}`),
  ].join('\n\n');
}

/** How a person answers a run that waits. */
export function waysToAnswer(): string {
  const { runId } = workflowInfo();
  return `Choose *More Actions*, *Send an Update*, and \`approve\` or \`reject\` without input; or run \`surgicase runs approve ${runId}\`, or \`reject\`.`;
}

/** What a person must know to approve or reject a monthly, and the two ways to answer. */
export function baselineQuestion(name: string, shortfalls: readonly string[]): string {
  return [
    `**waits for an approval**: ${name} is smaller than the last monthly`,
    shortfalls.map((shortfall) => `- ${shortfall}`).join('\n'),
    waysToAnswer(),
    'Without an answer the run fails after 24 hours. The live tables do not change before the answer.',
  ].join('\n\n');
}

/** What the Web UI shows when a run has ended. */
export function endDetails(result: NpiUpdateResult): string {
  const now = `${result.outcome} in ${short(result.seconds)}`;
  return runDetails({ now, done: result.releases, remarks: result.remarks });
}

/** One column for each release: the Web UI's box is narrow, and a run has few releases. */
function releaseTable(done: readonly ReleaseOutcome[]): string {
  const counts = [
    'rows',
    'inserted',
    'updated',
    'unchanged',
    'stale',
    'deactivated',
    'refused',
    'duplicates',
  ] as const;
  const tables = new Set(done.flatMap(({ references = [] }) => references.map(({ table }) => table)));
  const writtenTo = (name: string, { references = [] }: ReleaseOutcome) =>
    references.find(({ table }) => table === name)?.written ?? 0;
  const hasMonthly = done.some(({ kind }) => kind === 'monthly');
  const phases = [
    ['download', 'download'],
    ['stage', hasMonthly ? 'stage, load' : 'stage'],
    ['publish', hasMonthly ? 'publish, index and swap' : 'publish'],
    ['index', 'of which index'],
    ['archive', 'archive'],
  ] as const;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...done.map(({ release }) => release.replace('NPPES_Data_Dissemination_', ''))]),
    line(['---', ...done.map(() => '---:')]),
    ...counts.map((name) => line([name, ...done.map((outcome) => grouped(outcome.counts[name]))])),
    ...Array.from(tables, (name) =>
      line([`rows of ${name}`, ...done.map((outcome) => grouped(writtenTo(name, outcome)))]),
    ),
    ...phases.map(([name, title]) => line([title, ...done.map(({ seconds }) => short(seconds[name]))])),
  ].join('\n');
}
