import type { Gap } from '../nppes/page/due.ts';
import type { Attempt } from './attempt.ts';
import { job, type ActivityDeps } from './deps.ts';

const dayMs = 86_400_000;
const daysOf = ({ start, end }: Gap) => (Date.parse(end) - Date.parse(start)) / dayMs + 1;

/**
 * Reports days that no weekly covers: one warning for each gap, the gauge `npi_gap_days` (0 when nothing is missing), and
 * one notification for all gaps. Every run repeats this until a monthly closes the gap.
 */
export function reportGaps(
  { metrics, notify }: ActivityDeps,
  { runId, log }: Attempt,
  gaps: readonly Gap[],
): void {
  const days = gaps.reduce((sum, gap) => sum + daysOf(gap), 0);
  metrics.setGauge('npi_gap_days', days, { job });
  if (gaps.length === 0) return;
  for (const { start, end } of gaps) log.warn('no weekly covers these days', { start, end });
  const periods = gaps.map(({ start, end }) => `${start} to ${end}`).join(', ');
  const text = `npi-update: no weekly covers the days ${periods}. Later weeklies are loaded; a monthly will close the gap.`;
  notify({ event: 'gap', job, runId, text });
}
