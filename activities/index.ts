import type { CaseActivities, NpiActivities } from '../contract/activities.ts';
import { releaseName } from '../nppes/page/release.ts';
import { archiveZip, pruneArchive } from './archive.ts';
import { attempt, underLeaseUnlessDry } from './attempt.ts';
import { baselineActivities } from './baseline.ts';
import { caseActivities } from './cases.ts';
import { job, type ActivityDeps } from './deps.ts';
import { checkRegistryActivity } from './check-registry.ts';
import { discoverActivity } from './discover.ts';
import { secondsSince } from './elapsed.ts';
import { pruneHistory } from './history.ts';
import { publishActivity } from './publish.ts';
import { rollbackActivity } from './rollback.ts';
import { runActivities } from './run-ledger.ts';
import { stageActivity } from './stage.ts';
import { fetchZip, isFromArchive } from './zip-file.ts';

/** All activities that the workflows call. */
export function createActivities(deps: ActivityDeps): NpiActivities & CaseActivities {
  return {
    ...runActivities(deps),
    ...caseActivities(deps),
    ...discoverActivity(deps),
    ...stageActivity(deps),
    ...publishActivity(deps),
    ...rollbackActivity(deps),
    ...checkRegistryActivity(deps),
    ...baselineActivities(deps),

    download: ({ dryRun: isDryRun, ...due }) =>
      attempt(deps, 'download', { job, release: releaseName(due.release) }, async (current) => {
        const startedAt = performance.now();
        const zip = await underLeaseUnlessDry(deps, current, { job, isDryRun }, () =>
          fetchZip(deps, current, due),
        );
        current.log.info('downloaded', {
          sizeBytes: zip.sizeBytes,
          sha256: zip.sha256,
          seconds: secondsSince(startedAt),
        });
        return zip;
      }),

    archive: (zip) =>
      attempt(deps, 'archive', { job, release: releaseName(zip.release) }, async (current) => {
        await archiveZip(deps, current, zip);
        // A rebuild with `until` still needs zips that a lowered NPI_ARCHIVE_KEEP no longer keeps.
        const removed = isFromArchive(deps, zip) ? [] : await pruneArchive(deps);
        current.log.info('archived', { removed });
        await pruneHistory(deps, current);
      }),
  };
}
