import type { BaselineLoaded, DueRelease, DownloadedRelease } from '../contract/activities.ts';
import { releaseName } from '../nppes/page/release.ts';
import { baselineQuestion, grouped } from './details.ts';
import { noteRelease } from './npi-remarks.ts';
import { timed, type NpiRun } from './npi-run.ts';
import type { LoadActivities } from './phases.ts';

/**
 * Loads a monthly: download, load into shadow tables, index, check, swap with the live tables, archive. Returns false when
 * a person rejected it.
 */
export async function loadBaseline(
  run: NpiRun,
  activities: LoadActivities,
  due: DueRelease,
): Promise<boolean> {
  const name = releaseName(due.release);
  run.release = name;
  run.enter('download');
  const [zip, downloadSeconds] = await timed<DownloadedRelease>(() =>
    activities.download.executeWithOptions({ summary: name }, [{ ...due, dryRun: false }]),
  );
  run.enter('load');
  const [loaded, loadSeconds] = await timed(() =>
    activities.loadBaseline.executeWithOptions({ summary: `${name} into shadow tables` }, [zip]),
  );
  noteRelease(run, due, loaded);
  if (!loaded.isPublished) {
    const isLive = await goLive(run, activities, zip, loaded, { downloadSeconds, loadSeconds });
    if (!isLive) return false;
  }
  run.release = undefined;
  await run.archive(zip, name, activities);
  return true;
}

async function goLive(
  run: NpiRun,
  { indexBaseline, checkBaseline, swapBaseline }: LoadActivities,
  zip: DownloadedRelease,
  { searchSeconds, ...staged }: BaselineLoaded,
  { downloadSeconds, loadSeconds }: { readonly downloadSeconds: number; readonly loadSeconds: number },
): Promise<boolean> {
  const name = releaseName(staged.release);
  run.enter('index');
  const [indexed, indexSeconds] = await timed(() =>
    indexBaseline.executeWithOptions({ summary: `${name}: build the keys of the shadow tables` }, [
      { release: staged.release, ...(zip.rebuild && { rebuild: true }) },
    ]),
  );
  run.enter('check');
  const [{ shortfalls, removed }, checkSeconds] = await timed(() =>
    checkBaseline.executeWithOptions({ summary: `${name} compared with the last monthly` }, [{ staged }]),
  );
  if (removed > 0)
    run.warn([`${grouped(removed)} known providers are not in ${name}; loading it removes them.`]);
  if (shortfalls.length > 0 && !(await isApproved(run, name, shortfalls))) return false;
  run.enter('swap');
  const bySearchTable = { ...searchSeconds, ...indexed.searchSeconds };
  const [published, swapSeconds] = await timed(() =>
    swapBaseline.executeWithOptions({ summary: `${name}: ${grouped(staged.stagedRows)} rows go live` }, [
      { zip, staged, indexed: { ...indexed, searchSeconds: bySearchTable } },
    ]),
  );
  run.add({
    ...published,
    kind: 'monthly',
    release: name,
    sizeBytes: zip.sizeBytes,
    seconds: {
      download: downloadSeconds,
      stage: loadSeconds,
      publish: indexSeconds + checkSeconds + swapSeconds,
      index: indexSeconds,
    },
  });
  return true;
}

async function isApproved(run: NpiRun, name: string, shortfalls: readonly string[]): Promise<boolean> {
  const reasons = shortfalls.join('; ');
  const decision = await run.ask(`${name} (${reasons})`, baselineQuestion(name, shortfalls));
  run.remarks.push(
    decision === 'approved'
      ? `${name} was approved although it is smaller: ${reasons}.`
      : `${name} was rejected: nothing was changed.`,
  );
  return decision === 'approved';
}
