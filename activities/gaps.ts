import type { Gap } from '../nppes/page/due.ts';
import type { Attempt } from './attempt.ts';
import { job, type ActivityDeps } from './deps.ts';

const dayMs = 86_400_000;
const daysOf = ({ start, end }: Gap) => (Date.parse(end) - Date.parse(start)) / dayMs + 1;

/**
 * Tells of days that no weekly holds: a warning each, the gauge `npi_gap_days`, which is 0 while nothing is missing, and
 * one notice for all. It comes again with every run, until a monthly closes the gap.
 */
export async function reportGaps(
  { metrics, notify }: ActivityDeps,
  { runId, log }: Attempt,
  gaps: readonly Gap[],
): Promise<void> {
  const days = gaps.reduce((sum, gap) => sum + daysOf(gap), 0);
  metrics.setGauge('npi_gap_days', days, { job });
  if (gaps.length === 0) return;
  for (const { start, end } of gaps) log.warn('no weekly holds these days', { start, end });
  const periods = gaps.map(({ start, end }) => `${start} to ${end}`).join(', ');
  const text = `npi-update: no weekly holds the days ${periods}. Later weeks are loaded; a monthly closes the gap.`;
  await notify({ event: 'gap', job, runId, text });
}
