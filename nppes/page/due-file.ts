import {
  futureRemark,
  isPublished,
  lastMonthlyEnd,
  loadAgain,
  type Due,
  type ListedRelease,
  type PublishedRelease,
} from './due.ts';
import { releaseName } from './release.ts';

/**
 * Whether a zip that a person names is loaded now. It is not when it is published, when its rows are in a loaded monthly
 * (contract, rule 2), or when its period is not over. Its age does not matter, and gaps are not reported.
 */
export function dueFile(
  file: ListedRelease,
  published: readonly PublishedRelease[],
  today: string,
): Omit<Due, 'gaps' | 'warnings'> {
  const { kind, periodEnd } = file.release;
  const name = releaseName(file.release);
  const not = (remark: string, superseded: readonly ListedRelease[] = []) => ({
    due: [],
    remarks: [remark],
    superseded,
  });
  if (isPublished(file, published)) return not(`${name} is already published: nothing to load. ${loadAgain}`);
  const isOver = kind === 'deactivation' ? periodEnd <= today : periodEnd < today;
  if (!isOver) return not(futureRemark(file.release));
  const coveredUntil = lastMonthlyEnd(published.map(({ release }) => release));
  // The same month again is a new version of the loaded monthly.
  const isCovered = kind === 'monthly' ? periodEnd < coveredUntil : periodEnd <= coveredUntil;
  if (isCovered)
    return not(`${name} ends before the loaded monthly (until ${coveredUntil}): superseded, not loaded.`, [
      file,
    ]);
  return { due: [file], remarks: [], superseded: [] };
}
