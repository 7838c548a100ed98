import type { DownloadedRelease, NpiActivities, Published, Staged } from '../contract/activities.ts';
import { DbError } from '../db/connection/errors.ts';
import type { Lease } from '../db/ledger/lease.ts';
import { publishRelease } from '../db/registry/publish.ts';
import type { StagedSoFar } from '../db/schema/ledger-json.ts';
import { readStaging, stagingName } from '../db/registry/staging.ts';
import { liveTables } from '../db/schema/tables.ts';
import { noteUnreported } from '../db/registry/unreported.ts';
import { releaseName } from '../nppes/page/release.ts';
import { ApplicationFailure } from '@temporalio/activity';
import { adviceFor } from '../contract/failures.ts';
import { attempt, underLeaseUnlessDry, type Attempt } from './attempt.ts';
import { job, type ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';

/** Publishes a staged release: the live tables and the search tables change in one transaction. */
export function publishActivity(deps: ActivityDeps): Pick<NpiActivities, 'publish'> {
  return {
    publish: ({ zip, staged, dryRun: isDryRun }) =>
      attempt(deps, 'publish', { job, release: releaseName(staged.release) }, (current) => {
        refuseTooMany(deps, staged);
        return underLeaseUnlessDry(deps, current, { job, isDryRun }, (lease) =>
          publishStaged(deps, current, zip, staged, lease),
        );
      }),
  };
}

async function publishStaged(
  { database, schemas }: ActivityDeps,
  { runId, signal, log, heartbeat }: Attempt,
  zip: DownloadedRelease,
  { release }: Staged,
  lease: Lease | undefined,
): Promise<Published> {
  const startedAt = performance.now();
  const { sha256, sizeBytes, etag } = zip;
  const published: Published = await database.session(signal, async (session) => {
    const staging = await readStaging(session, stagingName(runId, release.fileName));
    if (!staging.isWhole || !staging.soFar) {
      throw new DbError(
        'ShadowLost',
        `Another run of this job started meanwhile and dropped the staging tables of ${release.fileName}.`,
      );
    }
    const input = {
      staging: { ...staging, soFar: staging.soFar satisfies StagedSoFar },
      file: { ...release, sha256, sizeBytes, ...(etag !== undefined && { etag }) },
      runId,
      ...(lease && { lease }),
    };
    const report = await publishRelease(session, schemas, input, (step) =>
      heartbeat({ phase: 'publish', step }),
    );
    if (release.kind !== 'deactivation' || !lease) return report;
    heartbeat({ phase: 'publish', step: 'comparing deactivated providers with the report' });
    return { ...report, unreported: await noteUnreported(session, liveTables(schemas), lease) };
  });
  const { counts, search, indexSeconds } = published;
  log.info(lease ? 'published' : 'classified, nothing published', {
    ...counts,
    ...search,
    indexSeconds,
    seconds: secondsSince(startedAt),
  });
  if (published.unreported) {
    log.warn('providers are deactivated here but missing from the newest report', {
      count: published.unreported,
    });
  }
  return published;
}

/** @throws ApplicationFailure TooManyRefused when the fraction of refused rows is above NPI_MAX_REFUSED */
export function refuseTooMany(
  { maxRefusedFraction }: ActivityDeps,
  { member, rows, stagedRows, refused }: Pick<Staged, 'member' | 'rows' | 'stagedRows' | 'refused'>,
): void {
  const refusedRows = rows - stagedRows;
  if (refusedRows <= rows * maxRefusedFraction) return;
  const reasons = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
  throw ApplicationFailure.create({
    type: 'TooManyRefused',
    message:
      `${member}: ${refusedRows} of ${rows} rows are refused (${reasons.join(', ')}). ` +
      `NPI_MAX_REFUSED allows ${maxRefusedFraction * 100} %. ${adviceFor('TooManyRefused')}`,
    nonRetryable: true,
  });
}
