import type { NpiUpdateResult, ReleaseOutcome } from '../contract/workflows.ts';

/** What the Web UI shows of a run while it works and when it has ended. */
export interface RunView {
  readonly now: string;
  readonly done: readonly ReleaseOutcome[];
  readonly remarks: readonly string[];
}

/** 1,234,567: the sandbox has no locales of its own. */
export const grouped = (count: number) => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
const short = (seconds: number) => `${seconds.toFixed(1)} s`;

/** Markdown: what is under way, a table of what was done, and the remarks. */
export function runDetails({ now, done, remarks }: RunView): string {
  return [
    `**${now}**`,
    ...(done.length > 0 ? [releaseTable(done)] : []),
    ...remarks.map((remark) => `- ${remark}`),
  ].join('\n\n');
}

/** What a person has to know who is asked about a monthly, and the two ways to answer. */
export function baselineQuestion(name: string, shortfalls: readonly string[]): string {
  return [
    `**waits for an approval**: ${name} is smaller than the last monthly`,
    shortfalls.map((shortfall) => `- ${shortfall}`).join('\n'),
    '*More Actions*, *Send an Update*: `approve` or `reject`, no input; or `surgicase runs approve|reject <run id>`.',
    'Without an answer it fails after 24 hours. The tables stay as they are until then.',
  ].join('\n\n');
}

/** The last words of a run. */
export function endDetails(result: NpiUpdateResult): string {
  const now = `${result.outcome} in ${short(result.seconds)}`;
  return runDetails({ now, done: result.releases, remarks: result.remarks });
}

/** A column a release: the Web UI's box for it is narrow, and a run has few releases. */
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
  const hasMonthly = done.some(({ kind }) => kind === 'monthly');
  const phases = [
    ['download', 'download'],
    ['stage', hasMonthly ? 'stage, load' : 'stage'],
    ['publish', hasMonthly ? 'publish, index and swap' : 'publish'],
    ['index', 'of it index'],
    ['archive', 'archive'],
  ] as const;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...done.map(({ release }) => release.replace('NPPES_Data_Dissemination_', ''))]),
    line(['---', ...done.map(() => '---:')]),
    ...counts.map((name) => line([name, ...done.map((outcome) => grouped(outcome.counts[name]))])),
    ...phases.map(([name, title]) => line([title, ...done.map(({ seconds }) => short(seconds[name]))])),
  ].join('\n');
}
