import type { DueRelease, Staged } from '../contract/activities.ts';
import { releaseName } from '../nppes/page/release.ts';
import { grouped } from './details.ts';

/** What a person should know about a file even when its load succeeds. */
export function releaseRemarks(
  due: DueRelease,
  { release, isPublished, heldBack, newColumns, badUtf8Count }: Staged,
): string[] {
  const name = releaseName(due.release);
  return [
    ...(heldBack === undefined ? [] : [`${name} is not loaded: ${heldBack}.`]),
    ...(isPublished ? [`${name} is already published with the same content; nothing was loaded.`] : []),
    ...(release.periodEnd === due.release.periodEnd
      ? []
      : [`${name} covers the days up to ${release.periodEnd}, according to the file inside the zip.`]),
    ...(newColumns.length === 0
      ? []
      : [`${name} has new columns that are not loaded: ${newColumns.join(', ')}.`]),
    ...(badUtf8Count === 0
      ? []
      : [`${name}: ${badUtf8Count} byte sequences were not valid UTF-8 and became U+FFFD.`]),
  ];
}

export function unreportedRemark(count: number): string {
  return (
    `${grouped(count)} providers are deactivated here but missing from the newest report. ` +
    'They stay deactivated; the table npi_unreported lists them.'
  );
}
