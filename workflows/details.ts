import type { NpiUpdateResult, ReleaseOutcome } from '../contract/workflows.ts';

/** What the Web UI shows of a run while it works and when it has ended. */
export interface RunView {
  readonly now: string;
  readonly done: readonly ReleaseOutcome[];
  readonly remarks: readonly string[];
}

const grouped = (count: number) => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
const short = (seconds: number) => `${seconds.toFixed(1)} s`;

/** Markdown: what is under way, a table of what was done, and the remarks. */
export function runDetails({ now, done, remarks }: RunView): string {
  return [
    `**${now}**`,
    ...(done.length > 0 ? [releaseTable(done)] : []),
    ...remarks.map((remark) => `- ${remark}`),
  ].join('\n\n');
}

/** The last words of a run. */
export function endDetails(result: NpiUpdateResult): string {
  const now = `${result.outcome} in ${short(result.seconds)}`;
  return runDetails({ now, done: result.releases, remarks: result.remarks });
}

function releaseTable(done: readonly ReleaseOutcome[]): string {
  const heads = [
    'release',
    'rows',
    'inserted',
    'updated',
    'unchanged',
    'stale',
    'deactivated',
    'refused',
    'duplicates',
    'download',
    'stage',
    'publish',
    'of it index',
  ];
  const lines = done.map(({ release, counts, seconds }) => [
    release,
    ...[counts.rows, counts.inserted, counts.updated, counts.unchanged, counts.stale].map(grouped),
    ...[counts.deactivated, counts.refused, counts.duplicates].map(grouped),
    ...[seconds.download, seconds.stage, seconds.publish, seconds.index].map(short),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map((_, i) => (i === 0 ? '---' : '---:'))), ...lines.map(line)].join('\n');
}
