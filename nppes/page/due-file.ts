import { isPublished, lastMonthlyEnd, type Due, type ListedRelease, type PublishedRelease } from './due.ts';
import { releaseName } from './release.ts';

/**
 * Whether a zip that a person asks for by its name is loaded now: unless it is published, or a monthly holds what it
 * would bring (contract, rule 2), or its days are not over. No age keeps it out, and what else is missing is no matter
 * of this run.
 */
export function dueFile(
  file: ListedRelease,
  published: readonly PublishedRelease[],
  today: string,
): Omit<Due, 'gaps'> {
  const { kind, periodEnd } = file.release;
  const name = releaseName(file.release);
  const not = (remark: string, superseded: readonly ListedRelease[] = []) => ({
    due: [],
    remarks: [`${name} ${remark}`],
    superseded,
  });
  if (isPublished(file, published)) return not('is published already: nothing loaded.');
  const isOver = kind === 'deactivation' ? periodEnd <= today : periodEnd < today;
  if (!isOver) return not(`covers days to come (until ${periodEnd}): not yet loaded.`);
  const coveredUntil = lastMonthlyEnd(published.map(({ release }) => release));
  // The same month again is a new version of what is loaded.
  const isCovered = kind === 'monthly' ? periodEnd < coveredUntil : periodEnd <= coveredUntil;
  if (isCovered)
    return not(`ends before the monthly that is loaded (until ${coveredUntil}): superseded, not loaded.`, [
      file,
    ]);
  return { due: [file], remarks: [], superseded: [] };
}
