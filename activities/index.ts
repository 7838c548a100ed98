import type { NpiActivities } from '../contract/activities.ts';
import { releaseName } from '../nppes/release.ts';
import { attempt, underLease } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { discoverActivity, seconds } from './discover.ts';
import { publishActivity } from './publish.ts';
import { runActivities } from './run.ts';
import { stageActivity } from './stage.ts';
import { archiveZip, fetchZip, pruneArchive } from './zip-file.ts';

/** Everything that the workflow `npiUpdate` calls, over the dependencies given. */
export function createNpiActivities(deps: ActivityDeps): NpiActivities {
  return {
    ...runActivities(deps),
    ...discoverActivity(deps),
    ...stageActivity(deps),
    ...publishActivity(deps),

    download: ({ dryRun: isDryRun, ...due }) =>
      attempt(deps, 'download', { release: releaseName(due.release) }, async (current) => {
        const startedAt = performance.now();
        const zip = await underLease(deps, current, { job: 'npi-update', isDryRun }, () =>
          fetchZip(deps, current, due),
        );
        current.log.info('downloaded', {
          sizeBytes: zip.sizeBytes,
          sha256: zip.sha256,
          seconds: seconds(startedAt),
        });
        return zip;
      }),

    archive: (zip) =>
      attempt(deps, 'archive', { release: releaseName(zip.release) }, async ({ log }) => {
        await archiveZip(deps, zip);
        const removed = await pruneArchive(deps);
        log.info('archived', { removed });
      }),
  };
}
