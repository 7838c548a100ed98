import { eq, sql } from 'drizzle-orm';
import { DbError } from '../connection/errors.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import { beginHistory, beginsHistory } from '../registry/history.ts';
import { pinned } from '../registry/restore.ts';
import { versionColumns, versionOf } from '../registry/versions.ts';
import { clearByMonthly, enterRefused } from '../registry/quarantine.ts';
import type {
  RowCounts,
  LiveBaseline,
  PublishReport,
  RangeCounts,
  StagedSoFar,
} from '../schema/ledger-json.ts';
import { isRecorded, recordRelease } from '../ledger/releases.ts';
import { forgetReleases } from './forget.ts';
import { replacedReferences } from './references.ts';
import { renameTables } from './rename.ts';
import { liveTable, releaseTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import { loadedRanges } from './range.ts';
import { readShadow, replacedTables, type Shadow, type ShadowState } from './shadow.ts';
import { liveTables, type Schemas } from '../schema/tables.ts';
import { forgetAllUnreported } from '../registry/unreported.ts';
import { writeLogs } from '../ledger/update-log.ts';

/** The live baseline, from its marker; undefined before the first one. */
export async function liveBaseline(
  session: Session,
): Promise<(LiveBaseline & { readonly releaseId: number }) | undefined> {
  const [row] = await session.orm((db) => db.select().from(liveTable));
  return row && { ...row.baseline, releaseId: row.releaseId };
}

/** Counts the rows of a shadow. Every row of the file is in exactly one count (contract, rule 9). */
export async function countBaseline(
  session: Session,
  runId: string,
  { staged, rangeCount, isSearched }: ShadowState,
): Promise<{
  readonly counts: RowCounts;
  readonly removed: number;
  readonly kept: number;
  readonly staged: StagedSoFar;
}> {
  const ranges = await loadedRanges(session, runId);
  // The last one has the providers that later releases brought.
  if (staged === undefined || ranges.size !== rangeCount + (isSearched ? 1 : 0)) {
    throw new DbError(
      'CountsDiffer',
      `Only ${ranges.size} of ${rangeCount} ranges of the baseline are loaded.`,
    );
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
  const late = isSearched ? 0 : sum('late');
  const accounted = inserted + updated + unchanged + stale + refused + duplicates + late;
  if (accounted !== staged.rows) {
    throw new DbError(
      'CountsDiffer',
      `${staged.member} has ${staged.rows} rows, but its counts add up to ${accounted}.`,
    );
  }
  return { counts, removed: sum('removed'), kept: sum('kept') + late, staged };
}

/** The report of the last published monthly, for the check of the next one. */
export async function lastMonthly(session: Session): Promise<PublishReport | undefined> {
  const rows = await session.orm((db) =>
    db
      .select({ published: releaseTable.published })
      .from(releaseTable)
      .where(eq(releaseTable.kind, 'monthly'))
      .orderBy(sql`${releaseTable.releaseId} DESC`)
      .limit(1),
  );
  return rows[0]?.published;
}

/**
 * Replaces the live tables with the shadow, together with the marker that describes it, in one statement.
 * `completeBaseline` drops the replaced tables later. If a newer attempt has taken over, the swap fails as a whole, because
 * the shadow tables have been renamed.
 * @throws DbError FencedOut; DatabaseBusy when readers never release a table
 */
export async function swapBaseline(
  session: Session,
  schemas: Schemas,
  { shadow, lease }: { readonly shadow: Shadow; readonly lease: Lease },
  baseline: LiveBaseline,
): Promise<void> {
  const state = await readShadow(session, lease.runId);
  if (!state?.isSearched)
    throw new DbError('CountsDiffer', 'The shadow tables no longer exist or are not complete.');
  await session.transaction(async () => {
    await fence(session, lease);
    await session.query(`DELETE FROM ${shadow.marker}`);
    await session.query(`INSERT INTO ${shadow.marker} (release_id, baseline) VALUES (?, ?)`, [
      state.releaseId,
      JSON.stringify(baseline),
    ]);
  });
  const old = setAside(schemas, lease.epoch);
  await renameTables(session, [
    ...[...replacedTables(schemas), ...replacedReferences(schemas, baseline.report)].flatMap(
      ({ base, live }): [string, string][] => [
        [live, `${old}_${base}`],
        [`${shadow.prefix}_${base}`, live],
      ],
    ),
    // `completeBaseline` enters them into the quarantine and the history, together with the release.
    [`${shadow.stage}_refused`, `${old}_refused`],
    [`${shadow.stage}_version`, `${old}_version`],
  ]);
}

/** The prefix of the tables that a swap sets aside. */
const setAside = ({ scheduler }: Schemas, epoch: number) => `${scheduler}.npi_old_${epoch}`;

/**
 * Completes the ledger and the logs from the marker, if the attempt that swapped ended before it did, and drops the replaced
 * tables. Does nothing when all is complete.
 * @throws DbError FencedOut when a newer attempt has taken over
 */
export async function completeBaseline(session: Session, schemas: Schemas, lease: Lease): Promise<void> {
  const live = await liveBaseline(session);
  if (live && !(await isRecorded(session, live.releaseId))) {
    await session.transaction(async () => {
      await fence(session, lease);
      if (await isRecorded(session, live.releaseId)) return;
      if (live.isRebuild) await forgetReleases(session, live.releaseId);
      await enterVersions(session, live, `${setAside(schemas, live.epoch)}_version`);
      const { releaseId, file, runId, report, staged, touched, epoch } = live;
      await recordRelease(session, { ...file, releaseId, member: staged.member, runId, published: report });
      await enterRefused(session, setAside(schemas, epoch), releaseId);
      await clearByMonthly(session, liveTables(schemas), releaseId);
      await forgetAllUnreported(session, releaseId);
      await writeLogs(session, schemas.application, staged, touched);
    });
  }
  await dropReplaced(session, schemas);
}

/** Enters what the monthly changed, and replaces the later versions of the providers that later releases brought. */
async function enterVersions(
  session: Session,
  { releaseId, isRebuild }: { readonly releaseId: number; readonly isRebuild?: boolean },
  versions: string,
): Promise<void> {
  await session.query(
    `DELETE v FROM ${versions} t STRAIGHT_JOIN npi_version v ON v.npi = t.npi
     WHERE t.release_id = ${pinned} AND v.release_id > ?`,
    [releaseId],
  );
  await session.query(
    `INSERT INTO npi_version (${versionColumns})
     SELECT ${versionOf('t')} FROM ${versions} t WHERE t.release_id < ${pinned}`,
  );
  if (isRebuild || (await beginsHistory(session, releaseId))) await beginHistory(session, releaseId);
}

async function dropReplaced(session: Session, { scheduler }: Schemas): Promise<void> {
  const tables = await session.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = ? AND table_name LIKE 'npi\\_old\\_%'`,
    [scheduler],
  );
  for (const { name } of tables) await session.query(`DROP TABLE IF EXISTS ${scheduler}.${name}`);
}
