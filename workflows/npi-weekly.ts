import type { DueRelease, DownloadedRelease } from '../contract/activities.ts';
import { releaseName } from '../nppes/page/release.ts';
import { noteRelease, unreportedRemark } from './npi-remarks.ts';
import { timed, type NpiRun } from './npi-run.ts';
import type { LoadActivities } from './phases.ts';

/** Loads a weekly or a deactivation report: download, stage, publish, archive. A dry run publishes and archives nothing. */
export async function loadWeekly(run: NpiRun, activities: LoadActivities, due: DueRelease): Promise<void> {
  const { download, stage, publish } = activities;
  const { isDryRun: dryRun } = run;
  const name = releaseName(due.release);
  run.release = name;

  run.enter('download');
  const [zip, downloadSeconds] = await timed<DownloadedRelease>(() =>
    download.executeWithOptions({ summary: name }, [{ ...due, dryRun }]),
  );
  run.enter('stage');
  const [staged, stageSeconds] = await timed(() =>
    stage.executeWithOptions({ summary: `${name} into staging` }, [{ ...zip, dryRun }]),
  );
  noteRelease(run, due, staged);
  if (!staged.isPublished && staged.heldBack === undefined) {
    run.enter('publish');
    const summary = `${name}: ${staged.stagedRows} rows${dryRun ? ' classified, nothing published' : ''}`;
    const [published, publishSeconds] = await timed(() =>
      publish.executeWithOptions({ summary }, [{ zip, staged, dryRun }]),
    );
    if (published.unreported) run.remarks.push(unreportedRemark(published.unreported));
    run.add({
      ...published,
      release: name,
      sizeBytes: zip.sizeBytes,
      seconds: {
        download: downloadSeconds,
        stage: stageSeconds,
        publish: publishSeconds,
        index: published.indexSeconds,
      },
    });
  }
  run.release = undefined;
  if (!dryRun) await run.archive(zip, name, activities);
}
