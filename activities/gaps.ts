import type { Gap } from '../nppes/page/due.ts';
import type { Attempt } from './attempt.ts';
import { job, type ActivityDeps } from './deps.ts';

/**
 * Reports days that no weekly covers: one warning in the log for each gap, and one notification for all gaps. Every run
 * repeats this until a monthly closes the gap.
 */
export function reportGaps({ notify }: ActivityDeps, { runId, log }: Attempt, gaps: readonly Gap[]): void {
  if (gaps.length === 0) return;
  for (const { start, end } of gaps) log.warn('no weekly covers these days', { start, end });
  const periods = gaps.map(({ start, end }) => `${start} to ${end}`).join(', ');
  const text = `npi-update: no weekly covers the days ${periods}. Later weeklies are loaded; a monthly will close the gap.`;
  notify({ event: 'gap', job, runId, text });
}
