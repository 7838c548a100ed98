import { eq } from 'drizzle-orm';
import { expectRows, loadLines } from '../registry/bulk-load.ts';
import { insertRows } from '../connection/insert-rows.ts';
import { carryOver, type LaterReleases } from './carry-over.ts';
import { recordDifferences } from './differences.ts';
import { fenceShared, type Lease } from '../ledger/lease.ts';
import { npiColumns } from '../schema/npi-columns.ts';
import { keepOwnColumns, type OwnColumns } from '../schema/own-columns.ts';
import type { RangeCounts } from '../schema/ledger-json.ts';
import { shadowRangeTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Shadow } from './shadow.ts';
import { refusedColumns, refusedValues, type RefusedRow } from '../registry/staging.ts';
import { liveTables, searchColumns, type Schemas, type SearchKind } from '../schema/tables.ts';

/** One range of NPIs of a monthly. Lines are in the order of their NPIs, fields in the order of the loaded columns. */
export interface RangeLoad {
  readonly range: { readonly number: number; readonly from: number; readonly to: number };
  readonly duplicates: number;
  /** Number of stubs, individuals and organizations. */
  readonly typeRows: readonly [number, number, number];
  lines(type: 0 | 1 | 2): Iterable<Buffer>;
  /** The lines of `search_<kind>_all`, and their number. */
  readonly search: Readonly<Record<SearchKind, { readonly all: Buffer; readonly rows: number }>>;
  /** Providers whose search rows the database builds; see spool/search-lines.ts. */
  readonly odd: ReadonlyArray<{ readonly npi: number; readonly type: 1 | 2 }>;
}

/** The target of a range, and what carrying over live rows needs. */
export interface RangeTarget {
  readonly schemas: Schemas;
  readonly shadow: Shadow;
  readonly lease: Lease;
  readonly releaseId: number;
  readonly isLocal: boolean;
  /** False if the live tables are empty; then nothing is carried over. */
  readonly hasProviders: boolean;
  readonly later: LaterReleases;
  /** The history of the tables begins with this monthly: what it changes is not recorded. */
  readonly beginsHistory: boolean;
  /** Nothing is carried over from the live tables but the application's own columns. */
  readonly isRebuild: boolean;
  readonly ownColumns: OwnColumns;
}

const names = npiColumns.map(({ name }) => name);

/**
 * Loads one range into the shadow tables and writes its checkpoint, in one transaction. Ranges can be loaded concurrently.
 * @throws DbError FencedOut when a newer attempt holds the lease
 */
export function loadRange(session: Session, target: RangeTarget, load: RangeLoad): Promise<RangeCounts> {
  const { shadow, lease, releaseId, isLocal } = target;
  return session.transaction(async () => {
    await fenceShared(session, lease);
    for (const type of [1, 2, 0] as const) {
      if (load.typeRows[type] === 0) continue;
      const constants = type === 0 ? { deactivation_release: releaseId } : { data_release: releaseId };
      const table = shadow.tables.data(type);
      const written = await loadLines(
        session,
        { table, columns: names, constants },
        load.lines(type),
        isLocal,
      );
      expectRows(written, load.typeRows[type], table);
    }
    for (const kind of ['surgeon', 'facility'] as const) await loadSearch(session, target, load, kind);
    const counts = { ...(await compared(session, target, load)), duplicates: load.duplicates };
    await planOdd(session, shadow, load.odd);
    await session.orm((db) =>
      db.insert(shadowRangeTable).values({ runId: lease.runId, rangeNumber: load.range.number, counts }),
    );
    return counts;
  });
}

async function loadSearch(
  session: Session,
  { shadow, isLocal }: RangeTarget,
  { search }: RangeLoad,
  kind: SearchKind,
): Promise<void> {
  const { all, rows } = search[kind];
  if (rows === 0) return;
  const table = shadow.tables.search(kind, 'all');
  expectRows(await loadLines(session, { table, columns: searchFields(kind) }, [all], isLocal), rows, table);
}

/** The columns of a search row, in the order of the lines. */
export function searchFields(kind: SearchKind): string[] {
  return ['npi', ...searchColumns[kind].map(({ name }) => name)];
}

async function compared(
  session: Session,
  { schemas, shadow, releaseId, hasProviders, later, beginsHistory, isRebuild, ownColumns }: RangeTarget,
  { range, typeRows }: RangeLoad,
): Promise<Omit<RangeCounts, 'duplicates'>> {
  const live = liveTables(schemas);
  const isCarried = hasProviders && !isRebuild;
  const recordsHistory = isCarried && !beginsHistory;
  const scope = { live, shadow, releaseId, range, later, recordsHistory };
  const counts = isCarried ? await carryOver(session, scope, typeRows) : asNew(typeRows);
  if (recordsHistory) await recordDifferences(session, scope, counts);
  if (hasProviders) await keepOwnColumns(session, { live, shadow: shadow.tables }, ownColumns, range);
  return counts;
}

function asNew(typeRows: RangeLoad['typeRows']): Omit<RangeCounts, 'duplicates'> {
  const inserted = typeRows[0] + typeRows[1] + typeRows[2];
  const none = { updated: 0, unchanged: 0, stale: 0, removed: 0, kept: 0, late: 0 };
  return { inserted, deactivated: typeRows[0], ...none };
}

/** Uses INSERT IGNORE, because a provider that is carried over already has its line in the plan. */
async function planOdd(session: Session, { stage }: Shadow, odd: RangeLoad['odd']): Promise<void> {
  await insertRows(
    session,
    `INSERT IGNORE INTO ${stage}_plan (npi, row_no, is_stub, target, action)`,
    odd.map(({ npi, type }) => [npi, 0, false, type, 'update']),
  );
}

/** The ranges that are already in the shadow of a run, with their counts. */
export async function loadedRanges(
  session: Session,
  runId: string,
): Promise<ReadonlyMap<number, RangeCounts>> {
  const rows = await session.orm((db) =>
    db.select().from(shadowRangeTable).where(eq(shadowRangeTable.runId, runId)),
  );
  return new Map(rows.map(({ rangeNumber, counts }) => [rangeNumber, counts]));
}

/** Records refused rows of the file. Rows that an earlier reading recorded stay. */
export async function noteRefusals(
  session: Session,
  { stage }: Shadow,
  lease: Lease,
  refusals: readonly RefusedRow[],
): Promise<void> {
  if (refusals.length === 0) return;
  await session.transaction(async () => {
    await fenceShared(session, lease);
    const insert = `INSERT IGNORE INTO ${stage}_refused ${refusedColumns}`;
    await insertRows(session, insert, refusals.map(refusedValues));
  });
}
