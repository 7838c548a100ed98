import type { DueRelease, Staged } from '../contract/activities.ts';
import { releaseName } from '../nppes/page/release.ts';
import { grouped } from './details.ts';
import type { NpiRun } from './npi-run.ts';

/** Notes in the run what a person should know about a file even when its load succeeds. */
export function noteRelease(run: NpiRun, due: DueRelease, staged: Staged): void {
  const name = releaseName(due.release);
  if (staged.isPublished)
    run.remarks.push(`${name} is already published with the same content; nothing was loaded.`);
  run.warn(releaseWarnings(due, staged));
}

function releaseWarnings(due: DueRelease, staged: Staged): string[] {
  const { release, heldBack, newColumns, badUtf8Count, referenceRemarks = [] } = staged;
  const name = releaseName(due.release);
  return [
    ...(heldBack === undefined ? [] : [`${name} is not loaded: ${heldBack}.`]),
    ...(release.periodEnd === due.release.periodEnd
      ? []
      : [`${name} covers the days up to ${release.periodEnd}, according to the file inside the zip.`]),
    ...(newColumns.length === 0
      ? []
      : [`${name} has new columns that are not loaded: ${newColumns.join(', ')}.`]),
    ...(badUtf8Count === 0
      ? []
      : [`${name}: ${badUtf8Count} byte sequences were not valid UTF-8 and became U+FFFD.`]),
    ...referenceRemarks,
  ];
}

export function unreportedRemark(count: number): string {
  return (
    `${grouped(count)} providers are deactivated here but missing from the newest report. ` +
    'They stay deactivated; the table npi_unreported lists them.'
  );
}
