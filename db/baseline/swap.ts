import { eq, sql } from 'drizzle-orm';
import { DbError } from '../connection/errors.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import { clearByMonthly, enterRefused } from '../registry/quarantine.ts';
import type {
  RowCounts,
  LiveBaseline,
  PublishReport,
  RangeCounts,
  SearchTouched,
  StagedSoFar,
} from '../schema/ledger-json.ts';
import { publishReport, recordRelease } from '../ledger/releases.ts';
import { renameTables } from './rename.ts';
import { liveTable, releaseTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import { loadedRanges } from './range.ts';
import { readShadow, replacedTables, searchTables, type Shadow, type ShadowState } from './shadow.ts';
import { liveTables, type Schemas } from '../schema/tables.ts';
import { forgetAllUnreported } from '../registry/unreported.ts';
import { writeLogs } from '../ledger/update-log.ts';

/** The baseline that is live, as its marker says; nothing before the first. */
export async function liveBaseline(
  session: Session,
): Promise<(LiveBaseline & { readonly releaseId: number }) | undefined> {
  const [row] = await session.orm((db) => db.select().from(liveTable));
  return row && { ...row.baseline, releaseId: row.releaseId };
}

/** What a shadow holds, counted: every row of the file is in exactly one count (contract, rule 9). */
export async function countBaseline(
  session: Session,
  runId: string,
  { staged, rangeCount }: ShadowState,
): Promise<{ readonly counts: RowCounts; readonly removed: number; readonly staged: StagedSoFar }> {
  const ranges = await loadedRanges(session, runId);
  if (staged === undefined || ranges.size !== rangeCount) {
    throw new DbError('CountsDiffer', `${ranges.size} of ${rangeCount} ranges of the baseline are loaded.`);
  }
  const sum = (name: keyof RangeCounts) =>
    Array.from(ranges.values()).reduce((total, counts) => total + counts[name], 0);
  const counts: RowCounts = {
    rows: staged.rows,
    inserted: sum('inserted'),
    updated: sum('updated'),
    unchanged: sum('unchanged'),
    stale: sum('stale'),
    deactivated: sum('deactivated'),
    refused: staged.rows - staged.stagedRows,
    duplicates: sum('duplicates'),
  };
  const { inserted, updated, unchanged, stale, refused, duplicates } = counts;
  const accounted = inserted + updated + unchanged + stale + refused + duplicates;
  if (accounted !== staged.rows) {
    throw new DbError(
      'CountsDiffer',
      `${staged.member} has ${staged.rows} rows, ${accounted} are accounted for.`,
    );
  }
  return { counts, removed: sum('removed'), staged };
}

/** Records by entity type of the last monthly that was published, for the check of the next. */
export async function lastMonthlyTypeRows(session: Session): Promise<PublishReport['typeRows']> {
  const rows = await session.orm((db) =>
    db
      .select({ published: releaseTable.published })
      .from(releaseTable)
      .where(eq(releaseTable.kind, 'monthly'))
      .orderBy(sql`${releaseTable.releaseId} DESC`)
      .limit(1),
  );
  return rows[0]?.published.typeRows;
}

/**
 * Puts the shadow in the place of the live tables, in one statement, with the marker that says what it is; then drops the
 * tables that it replaced. A zombie's swap names tables that its successor has renamed, and fails as a whole.
 * @throws DbError FencedOut; DatabaseBusy when readers hold a table all the time
 */
export async function swapBaseline(
  session: Session,
  schemas: Schemas,
  { shadow, lease }: { readonly shadow: Shadow; readonly lease: Lease },
  baseline: LiveBaseline,
): Promise<void> {
  const state = await readShadow(session, lease.runId);
  if (!state?.isSearched) throw new DbError('CountsDiffer', 'The shadow tables are gone or not whole.');
  await session.transaction(async () => {
    await fence(session, lease);
    await session.query(`DELETE FROM ${shadow.marker}`);
    await session.query(`INSERT INTO ${shadow.marker} (release_id, baseline) VALUES (?, ?)`, [
      state.releaseId,
      JSON.stringify(baseline),
    ]);
    // Under the number of a release that nobody can see yet; a run that ends here is followed by one that begins anew.
    await enterRefused(session, shadow.stage, state.releaseId);
  });
  const old = (base: string) => `${schemas.scheduler}.npi_old_${lease.epoch}_${base}`;
  await renameTables(
    session,
    replacedTables(schemas).flatMap(({ base, live }): [string, string][] => [
      [live, old(base)],
      [`${shadow.prefix}_${base}`, live],
    ]),
  );
}

/**
 * Completes ledger and logs from the marker where the attempt that swapped did not come to it, and drops the tables that
 * were replaced. Nothing when all is complete.
 * @throws DbError FencedOut when a newer attempt has taken over
 */
export async function completeBaseline(session: Session, schemas: Schemas, lease: Lease): Promise<void> {
  const live = await liveBaseline(session);
  if (live && (await publishReport(session, live.file)) === undefined) {
    await session.transaction(async () => {
      await fence(session, lease);
      if (await publishReport(session, live.file)) return;
      const { releaseId, file, runId, report, staged, touched } = live;
      await recordRelease(session, { ...file, releaseId, member: staged.member, runId, published: report });
      await clearByMonthly(session, liveTables(schemas), releaseId);
      await forgetAllUnreported(session, releaseId);
      await writeLogs(session, schemas.application, staged, touched);
    });
  }
  await dropReplaced(session, schemas);
}

async function dropReplaced(session: Session, { scheduler }: Schemas): Promise<void> {
  const tables = await session.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = ? AND table_name LIKE 'npi\\_old\\_%'`,
    [scheduler],
  );
  for (const { name } of tables) await session.query(`DROP TABLE IF EXISTS ${scheduler}.${name}`);
}

/** Rows of each search table of a shadow, for the log; `seconds` as they were measured, by table. */
export async function countSearch(
  session: Session,
  { tables }: Shadow,
  seconds: Readonly<Record<string, number>>,
): Promise<SearchTouched[]> {
  const touched: SearchTouched[] = [];
  for (const { kind, suffix } of searchTables()) {
    const table = `search_${kind}_${suffix}`;
    const [row] = await session.query<{ rowCount: number }>(
      `SELECT COUNT(*) AS rowCount FROM ${tables.search(kind, suffix)}`,
    );
    touched.push({
      kind,
      table,
      writtenRows: row?.rowCount ?? 0,
      deletedRows: 0,
      seconds: seconds[table] ?? 0,
    });
  }
  return touched;
}
