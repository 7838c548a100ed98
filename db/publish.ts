import { sql } from 'drizzle-orm';
import { classify, type PublishScope } from './classify.ts';
import { DbError } from './errors.ts';
import { fence, type Lease } from './lease.ts';
import { npiColumns } from './npi-columns.ts';
import type { Counts, PublishReport, StagedSoFar } from './recorded.ts';
import { nextReleaseId, publishReport, recordRelease } from './releases.ts';
import { searchLogTable, updateLogTable } from './schema.ts';
import { updateSearch, type SearchTouched } from './search.ts';
import type { Session } from './session.ts';
import type { Staging } from './staging.ts';
import { liveTables, type Schemas } from './tables.ts';

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
  const { duplicates } = await classify(session, scope);
  const groups = await planGroups(session, scope);
  const counts = await countRows(session, scope, { groups, duplicates, soFar: input.staging.soFar });
  onStep('writing providers');
  await writeProviders(session, scope, groups);
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

/** How many lines of the plan have the same to be done with them. */
interface PlanGroup {
  readonly action: 'insert' | 'update' | 'unchanged' | 'stale';
  readonly isStub: 0 | 1;
  readonly known: 0 | 1 | 2 | null;
  readonly target: 0 | 1 | 2;
  /** The provider's row is of this very release already. */
  readonly isOfThis: 0 | 1;
  readonly npis: number;
}

function planGroups(session: Session, { stage, releaseId }: PublishScope): Promise<PlanGroup[]> {
  return session.query<PlanGroup>(
    `SELECT action, is_stub AS isStub, known, target,
       known_stub_release <=> stub_release AND (is_stub OR known_release <=> ?) AS isOfThis, COUNT(*) AS npis
     FROM ${stage}_plan GROUP BY 1, 2, 3, 4, 5`,
    [releaseId],
  );
}

/** Contract, rule 9: every row of the file is in exactly one count. */
async function countRows(
  session: Session,
  { stage }: PublishScope,
  found: { readonly groups: readonly PlanGroup[]; readonly duplicates: number; readonly soFar: StagedSoFar },
): Promise<Counts> {
  const { groups, duplicates, soFar } = found;
  const [refused] = await session.query<{ rowCount: number }>(
    `SELECT COUNT(*) AS rowCount FROM ${stage}_refused`,
  );
  const count = (of: (group: PlanGroup) => boolean) =>
    groups.filter(of).reduce((sum, { npis }) => sum + npis, 0);
  const counts: Counts = {
    rows: soFar.rows,
    inserted: count(({ action }) => action === 'insert'),
    updated: count(({ action }) => action === 'update'),
    unchanged: count(({ action }) => action === 'unchanged'),
    stale: count(({ action }) => action === 'stale'),
    deactivated: count(({ action, isStub }) => isStub === 1 && (action === 'insert' || action === 'update')),
    refused: refused?.rowCount ?? 0,
    duplicates,
  };
  const { inserted, updated, unchanged, stale } = counts;
  const accounted = inserted + updated + unchanged + stale + counts.refused + duplicates;
  if (accounted === soFar.rows) return counts;
  throw new DbError(
    'CountsDiffer',
    `${soFar.member} has ${soFar.rows} rows, ${accounted} are accounted for.`,
  );
}

async function writeProviders(
  session: Session,
  scope: PublishScope,
  groups: readonly PlanGroup[],
): Promise<void> {
  const { tables, stage, releaseId } = scope;
  // Each statement joins the plan with a table of millions: one that has nothing to do is not sent.
  const has = (of: (group: PlanGroup) => boolean) => groups.some(of);
  for (const table of [0, 1, 2] as const) {
    if (!has(({ action, known, target }) => action === 'update' && known === table && target !== table))
      continue;
    await session.query(
      `DELETE k FROM ${stage}_plan p STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
       WHERE p.action = 'update' AND p.known = ${table} AND p.target <> ${table}`,
    );
  }
  for (const table of [0, 1, 2] as const) {
    if (has(({ action, isStub, target }) => target === table && isWritten(action, isStub)))
      await writeRows(session, scope, table);
    if (has(({ action, isStub, known }) => known === table && isStub === 1 && action !== 'stale'))
      await deactivate(session, scope, table);
    if (
      has(
        ({ action, isStub, known, isOfThis }) =>
          known === table && isStub === 0 && action === 'unchanged' && !isOfThis,
      )
    )
      await moveRelease(session, scope, table);
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

const isWritten = (action: PlanGroup['action'], isStub: 0 | 1) =>
  action === 'insert' || (action === 'update' && isStub === 0);

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

/** What a known row takes from a stub. */
async function deactivate(
  session: Session,
  { tables, stage }: PublishScope,
  table: 0 | 1 | 2,
): Promise<void> {
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
       STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
     SET k.npi_deactivation_date = s.npi_deactivation_date, k.deactivation_release = p.stub_release
     WHERE p.is_stub = TRUE AND p.known = ${table} AND p.action IN ('update', 'unchanged')`,
  );
}

/** The later release of a row that says the same. */
async function moveRelease(
  session: Session,
  { tables, stage, releaseId }: PublishScope,
  table: 0 | 1 | 2,
): Promise<void> {
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
     SET k.data_release = ?, k.deactivation_release = p.stub_release
     WHERE p.is_stub = FALSE AND p.known = ${table} AND p.action = 'unchanged'
       AND NOT (p.known_release <=> ? AND p.known_stub_release <=> p.stub_release)`,
    [releaseId, releaseId],
  );
}

/** The two logs that people read (contract, rule 10). */
async function writeLogs(
  session: Session,
  application: string,
  soFar: StagedSoFar,
  touched: readonly SearchTouched[],
): Promise<void> {
  const [total0Rows, total1Rows, total2Rows] = soFar.typeRows;
  const executionTs = sql`NOW()`;
  await session.orm((db) =>
    db.insert(updateLogTable(application)).values({
      executionTs,
      filenameProcessed: soFar.member,
      totalRows: soFar.rows,
      total0Rows,
      total1Rows,
      total2Rows,
    }),
  );
  if (touched.length === 0) return;
  const lines = touched.map(({ kind, table, writtenRows, seconds }) => ({
    executionTs,
    tableType: kind,
    tableName: table,
    recordsInserted: writtenRows,
    executionTimeSeconds: seconds.toFixed(3),
    status: 'success' as const,
  }));
  await session.orm((db) => db.insert(searchLogTable(application)).values(lines));
}
