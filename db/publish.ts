import { classify, type PublishScope } from './classify.ts';
import { DbError } from './errors.ts';
import { fence, type Lease } from './lease.ts';
import { npiColumns } from './npi-columns.ts';
import type { Counts, PublishReport, StagedSoFar } from './recorded.ts';
import { nextReleaseId, publishReport, recordRelease } from './releases.ts';
import { updateSearch, type SearchTouched } from './search.ts';
import type { Session } from './session.ts';
import type { Staging } from './staging.ts';
import { liveTables, type Schemas } from './tables.ts';
import { writeLogs } from './update-log.ts';

/** What is published: a staged file and where it came from. Dates are ISO. */
export interface PublishInput {
  readonly staging: Staging & { readonly soFar: StagedSoFar };
  readonly file: {
    readonly fileName: string;
    readonly kind: string;
    readonly layout: string;
    readonly periodStart: string;
    readonly periodEnd: string;
    readonly sha256: string;
    readonly sizeBytes: number;
    readonly etag?: string;
  };
  readonly runId: string;
  /** Absent in a dry run: everything is worked out, then rolled back. */
  readonly lease?: Lease;
}

/**
 * Publishes a staged weekly: one transaction over both schemas, so a reader sees the tables before or after it.
 * Repeating it after a commit whose answer was lost gives the recorded report and changes nothing.
 * @throws DbError FencedOut when a newer attempt has taken over, CountsDiffer when a row is not accounted for.
 */
export async function publishWeekly(
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
  return mergeStaged(
    session,
    schemas,
    { tables: liveTables(schemas), stage: input.staging.name, releaseId },
    input,
    onStep,
  );
}

async function mergeStaged(
  session: Session,
  { application }: Schemas,
  scope: PublishScope,
  input: PublishInput,
  onStep: (step: string) => void,
): Promise<PublishReport> {
  onStep('comparing with what is known');
  await classify(session, scope);
  const counts = await countRows(session, scope, input.staging.soFar);
  onStep('writing providers');
  await writeProviders(session, scope);
  onStep('writing search tables');
  const indexStartedAt = performance.now();
  const touched = await updateSearch(session, scope);
  const report: PublishReport = {
    counts,
    refusedByReason: input.staging.soFar.refused,
    search: total(touched),
    indexSeconds: (performance.now() - indexStartedAt) / 1000,
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
  await writeLogs(session, application, input.staging.soFar, touched);
  return report;
}

function total(touched: readonly SearchTouched[]): PublishReport['search'] {
  return {
    written: touched.reduce((sum, table) => sum + table.writtenRows, 0),
    deleted: touched.reduce((sum, table) => sum + table.deletedRows, 0),
    tables: touched.length,
  };
}

/** Contract, rule 9: every row of the file is in exactly one count. */
async function countRows(session: Session, { stage }: PublishScope, soFar: StagedSoFar): Promise<Counts> {
  const planned = await session.query<{ action: string | null; isStub: 0 | 1; npis: number }>(
    `SELECT action, is_stub AS isStub, COUNT(*) AS npis FROM ${stage}_plan GROUP BY action, is_stub`,
  );
  const [staged] = await session.query<{ rowCount: number }>(`SELECT COUNT(*) AS rowCount FROM ${stage}`);
  const [refused] = await session.query<{ rowCount: number }>(
    `SELECT COUNT(*) AS rowCount FROM ${stage}_refused`,
  );
  const count = (...actions: string[]) =>
    planned.filter(({ action }) => actions.includes(action ?? '')).reduce((sum, { npis }) => sum + npis, 0);
  const deactivated = planned.filter(
    ({ action, isStub }) => isStub && (action === 'insert' || action === 'update'),
  );
  const winners = planned.reduce((sum, { npis }) => sum + npis, 0);
  const counts: Counts = {
    rows: soFar.rows,
    inserted: count('insert'),
    updated: count('update'),
    unchanged: count('unchanged'),
    stale: count('stale'),
    deactivated: deactivated.reduce((sum, { npis }) => sum + npis, 0),
    refused: refused?.rowCount ?? 0,
    duplicates: (staged?.rowCount ?? 0) - winners,
  };
  const { inserted, updated, unchanged, stale, duplicates } = counts;
  const accounted = inserted + updated + unchanged + stale + counts.refused + duplicates;
  if (accounted === soFar.rows) return counts;
  throw new DbError(
    'CountsDiffer',
    `${soFar.member} has ${soFar.rows} rows, ${accounted} are accounted for.`,
  );
}

async function writeProviders(session: Session, scope: PublishScope): Promise<void> {
  const { tables, stage, releaseId } = scope;
  for (const table of [0, 1, 2] as const) {
    await session.query(
      `DELETE k FROM ${stage}_plan p STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
       WHERE p.action = 'update' AND p.known = ${table} AND p.target <> ${table}`,
    );
  }
  for (const table of [0, 1, 2] as const) {
    await writeRows(session, scope, table);
    await moveProvenance(session, scope, table);
  }
  await session.query(
    `INSERT INTO npi_stub (npi, release_id, deactivation_date)
     SELECT p.npi, ?, s.npi_deactivation_date FROM ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
     WHERE p.is_stub = TRUE ON DUPLICATE KEY UPDATE deactivation_date = s.npi_deactivation_date`,
    [releaseId],
  );
  // A release whose ledger line was lost is loaded again, under the same number.
  await session.query('DELETE FROM npi_quarantine WHERE release_id = ?', [releaseId]);
  await session.query(
    `INSERT INTO npi_quarantine (release_id, row_no, line_no, npi, reason, column_name)
     SELECT ?, r.row_no, r.line_no, r.npi, r.reason, r.column_name FROM ${stage}_refused r`,
    [releaseId],
  );
}

/** Full rows into the table of their type, and stubs of unknown providers into table 0, in the order of the key. */
async function writeRows(
  session: Session,
  { tables, stage, releaseId }: PublishScope,
  table: 0 | 1 | 2,
): Promise<void> {
  const names = npiColumns.map(({ name }) => name);
  const updates = names.filter((name) => name !== 'npi').map((name) => `${name} = s.${name}`);
  await session.query(
    `INSERT INTO ${tables.data(table)} (${names.join(', ')}, data_release, deactivation_release)
     SELECT ${names.map((name) => `s.${name}`).join(', ')}, IF(p.is_stub, NULL, ?), p.stub_release
     FROM ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
     WHERE p.target = ${table} AND (p.action = 'insert' OR (p.action = 'update' AND p.is_stub = FALSE))
     ORDER BY p.npi
     ON DUPLICATE KEY UPDATE ${updates.join(', ')}, data_release = ?, deactivation_release = p.stub_release`,
    [releaseId, releaseId],
  );
}

/** What a known row takes from a stub, and the later release of a row that says the same. */
async function moveProvenance(
  session: Session,
  { tables, stage, releaseId }: PublishScope,
  table: 0 | 1 | 2,
): Promise<void> {
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
       STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
     SET k.npi_deactivation_date = s.npi_deactivation_date, k.deactivation_release = p.stub_release
     WHERE p.is_stub = TRUE AND p.known = ${table} AND p.action IN ('update', 'unchanged')`,
  );
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
     SET k.data_release = ?, k.deactivation_release = p.stub_release
     WHERE p.is_stub = FALSE AND p.known = ${table} AND p.action = 'unchanged'`,
    [releaseId],
  );
}
