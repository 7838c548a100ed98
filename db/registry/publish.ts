import { classify } from './classify.ts';
import type { PublishScope } from './publish-scope.ts';
import { DbError } from '../connection/errors.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import { plannedCounts, planGroups, type PlanGroup } from './plan.ts';
import { publishLaterAgain, takeBackLater } from './late.ts';
import { writePlan } from './providers.ts';
import { clearByKnown, clearRefused, enterRefused } from './quarantine.ts';
import { pinned, unpin } from './restore.ts';
import type {
  RowCounts,
  PublishReport,
  ReleaseFile,
  SearchTouched,
  StagedSoFar,
} from '../schema/ledger-json.ts';
import { nextReleaseId, publishReport, recordRelease, releasesAfter } from '../ledger/releases.ts';
import { searchAgain, updateSearch } from './search.ts';
import type { Session } from '../connection/session.ts';
import { applyReferences } from './references.ts';
import type { Staging } from './staging.ts';
import { liveTables, type Schemas } from '../schema/tables.ts';
import { forgetUnreported } from './unreported.ts';
import { writeLogs } from '../ledger/update-log.ts';
import { recordVersions } from './versions.ts';

/** A staged file to publish, and its origin. Dates are ISO. */
export interface PublishInput {
  readonly staging: Staging & { readonly soFar: StagedSoFar };
  readonly file: ReleaseFile;
  readonly runId: string;
  /** Absent in a dry run, which does everything and then rolls back. */
  readonly lease?: Lease;
}

/**
 * Publishes a staged weekly or deactivation report in one transaction over both schemas, so readers see the tables from
 * before or from after it.
 * If the answer of a commit was lost, repeating it returns the recorded report and changes nothing.
 * @throws DbError FencedOut when a newer attempt has taken the lease; CountsDiffer when the counts do not add up
 */
export async function publishRelease(
  session: Session,
  schemas: Schemas,
  input: PublishInput,
  onStep: (step: string) => void,
): Promise<PublishReport> {
  const rolledBack = new Error('A dry run ends in a rollback.');
  let report: PublishReport | undefined;
  try {
    return await session.transaction(async () => {
      if (input.lease) await fence(session, input.lease);
      report = (await publishReport(session, input.file)) ?? (await merge(session, schemas, input, onStep));
      if (input.lease) return report;
      throw rolledBack;
    });
  } catch (error) {
    if (error === rolledBack && report) return report;
    throw error;
  }
}

async function merge(
  session: Session,
  schemas: Schemas,
  input: PublishInput,
  onStep: (step: string) => void,
): Promise<PublishReport> {
  const releaseId = await nextReleaseId(session, input.file.kind, input.file.periodEnd);
  const isReport = input.file.kind === 'deactivation';
  const tables = liveTables(schemas);
  const scope = { tables, versions: 'npi_version', stage: input.staging.name, releaseId, isReport };
  return mergeStaged(session, schemas, scope, input, onStep);
}

async function mergeStaged(
  session: Session,
  schemas: Schemas,
  scope: PublishScope,
  input: PublishInput,
  onStep: (step: string) => void,
): Promise<PublishReport> {
  const isLate = (await releasesAfter(session, scope.releaseId)).length > 0;
  if (isLate) {
    onStep('taking back later releases');
    const npis = `SELECT DISTINCT npi FROM ${scope.stage}`;
    await takeBackLater(session, scope, { npis, live: scope.tables });
  }
  onStep('comparing with the known providers');
  const { duplicates } = await classify(session, scope);
  const groups = await planGroups(session, scope);
  const counts = await countRows(session, scope, { groups, duplicates, soFar: input.staging.soFar });
  onStep('writing providers');
  await writeProviders(session, scope, groups);
  const references = await applyReferences(session, schemas, scope, input);
  if (isLate) {
    onStep('publishing later releases again');
    await publishLaterAgain(session, scope);
  }
  onStep('writing search tables');
  const indexStartedAt = performance.now();
  const touched = isLate ? await searchAgain(session, scope, pinned) : await updateSearch(session, scope);
  if (isLate) await unpin(session, scope);
  await clearByKnown(session, scope.tables, scope.releaseId);
  const report: PublishReport = {
    counts,
    refusedByReason: input.staging.soFar.refused,
    search: total(touched),
    indexSeconds: (performance.now() - indexStartedAt) / 1000,
    typeRows: input.staging.soFar.typeRows,
    ...(references.length > 0 && { references }),
  };
  const { file, staging, runId } = input;
  const { releaseId } = scope;
  await recordRelease(session, {
    ...file,
    releaseId,
    member: staging.soFar.member,
    runId,
    published: report,
  });
  await writeLogs(session, schemas.application, input.staging.soFar, touched);
  return report;
}

async function writeProviders(
  session: Session,
  scope: PublishScope,
  groups: readonly PlanGroup[],
): Promise<void> {
  await recordVersions(session, scope, groups);
  await writePlan(session, scope, groups);
  await enterRefused(session, scope.stage, scope.releaseId);
  await clearRefused(session, scope);
  await forgetUnreported(session, scope);
}

function total(touched: readonly SearchTouched[]): PublishReport['search'] {
  return {
    written: touched.reduce((sum, table) => sum + table.writtenRows, 0),
    deleted: touched.reduce((sum, table) => sum + table.deletedRows, 0),
    tables: touched.length,
  };
}

/** Contract, rule 9: every row of the file is in exactly one count. */
async function countRows(
  session: Session,
  { stage }: PublishScope,
  found: { readonly groups: readonly PlanGroup[]; readonly duplicates: number; readonly soFar: StagedSoFar },
): Promise<RowCounts> {
  const { groups, duplicates, soFar } = found;
  const [refused] = await session.query<{ rowCount: number }>(
    `SELECT COUNT(*) AS rowCount FROM ${stage}_refused`,
  );
  const counts: RowCounts = {
    rows: soFar.rows,
    ...plannedCounts(groups),
    refused: refused?.rowCount ?? 0,
    duplicates,
  };
  const { inserted, updated, unchanged, stale } = counts;
  const accounted = inserted + updated + unchanged + stale + counts.refused + duplicates;
  if (accounted === soFar.rows) return counts;
  throw new DbError(
    'CountsDiffer',
    `${soFar.member} has ${soFar.rows} rows, but its counts add up to ${accounted}.`,
  );
}
