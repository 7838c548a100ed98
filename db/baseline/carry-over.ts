import { collationsOf } from '../connection/collation.ts';
import { isSameRow } from '../registry/classify.ts';
import { dateKey } from '../registry/dates.ts';
import { DbError } from '../connection/errors.ts';
import { npiColumns } from '../schema/npi-columns.ts';
import type { RangeCounts } from '../schema/ledger-json.ts';
import type { Shadow } from './shadow.ts';
import type { Session } from '../connection/session.ts';
import { releasesAfter } from '../ledger/releases.ts';
import { historyReaches } from '../registry/history.ts';
import { lastReleaseOf } from '../registry/versions.ts';
import type { NpiTables } from '../schema/tables.ts';

/** What the statements of one range need. */
export interface CarryScope {
  readonly live: NpiTables;
  readonly shadow: Shadow;
  readonly releaseId: number;
  readonly range: { readonly from: number; readonly to: number };
  readonly later: LaterReleases;
  /** Whether what the monthly changes is recorded (differences.ts). */
  readonly recordsHistory: boolean;
}

/** `none`: no release after the monthly is published. `unrecorded`: the history does not reach back to the monthly. */
export type LaterReleases = 'none' | 'recorded' | 'unrecorded';

/** What is known of the releases after a monthly. It stays so while the monthly is loaded. */
export async function laterThan(session: Session, releaseId: number): Promise<LaterReleases> {
  if ((await releasesAfter(session, releaseId)).length === 0) return 'none';
  return (await historyReaches(session, releaseId)) ? 'recorded' : 'unrecorded';
}

const types = [0, 1, 2] as const;
type Type = (typeof types)[number];

/** Whether the live tables have any provider. If not, there is nothing to carry over. */
export async function hasProviders(session: Session, live: NpiTables): Promise<boolean> {
  for (const type of types) {
    if ((await session.query(`SELECT 1 FROM ${live.data(type)} LIMIT 1`)).length > 0) return true;
  }
  return false;
}

/**
 * Keeps live rows that the monthly does not replace in a range of the shadow, by rules 3, 4 and 6 of the contract: rows with a
 * newer date than the file's, the data of providers that the file has only as stubs, and providers whose row in the file is
 * refused. Leaves out the providers that later releases brought; db/baseline/later.ts publishes the monthly for them. Runs
 * in the transaction that loads the range, while its pages are in memory. Most live rows are simply replaced; the others go
 * to `<stage>_known`, which records the fate of each.
 */
export async function carryOver(
  session: Session,
  scope: CarryScope,
  typeRows: readonly [number, number, number],
): Promise<Omit<RangeCounts, 'duplicates'>> {
  const matched = { known: 0, same: 0, stubs: 0 };
  const later = await broughtLater(session, scope);
  for (const type of types) {
    const found = await compareKnown(session, scope, type, later);
    matched.known += found.plain;
    matched.same += found.same;
    if (type === 0) matched.stubs = found.plain;
  }
  for (const type of types) await decideFates(session, scope, type);
  const fates = await countFates(session, scope);
  await applyFates(session, scope);
  const count = (isCounted: (fate: FateCount) => boolean) =>
    fates.filter(isCounted).reduce((sum, { npis }) => sum + npis, 0);
  const inFile = (fate: FateCount) => fate.target !== null;
  const stale = count((fate) => fate.fate === 'keep' && inFile(fate));
  const deactivated = count(({ fate }) => fate === 'deactivate');
  const confirmed = count(({ fate }) => fate === 'confirm');
  const replaced = count((fate) => fate.fate === 'replace' && inFile(fate));
  const late = await countLate(session, scope);
  const rows = typeRows[0] + typeRows[1] + typeRows[2] - late.rows;
  const knownStubs = matched.stubs + count(({ target }) => target === 0);
  return {
    inserted: rows - matched.known - count(inFile),
    updated: matched.known - matched.same + replaced + deactivated,
    unchanged: matched.same + confirmed,
    stale,
    deactivated: typeRows[0] - late.stubs - knownStubs + deactivated,
    removed: count(({ fate }) => fate === 'remove'),
    kept: count((fate) => fate.fate === 'keep' && !inFile(fate)),
    late: late.rows,
  };
}

export const inRange = (row: string, { range }: CarryScope) =>
  `${row}.npi >= ${range.from} AND ${row}.npi < ${range.to}`;

/**
 * Providers of the range that later releases brought, from their versions. Where the history does not reach back to the
 * monthly, also the live rows of later releases.
 */
async function broughtLater(session: Session, scope: CarryScope): Promise<number[]> {
  const { live, shadow, releaseId, later } = scope;
  if (later === 'none') return [];
  const isLater = `${lastReleaseOf('k')} > ${releaseId}`;
  const sources = [
    `SELECT v.npi FROM npi_version v FORCE INDEX (by_release) WHERE v.release_id > ${releaseId} AND ${inRange('v', scope)}`,
    ...(later === 'recorded'
      ? []
      : types.map(
          (type) => `SELECT k.npi FROM ${live.data(type)} k WHERE ${inRange('k', scope)} AND ${isLater}`,
        )),
  ];
  await session.query(
    `INSERT INTO ${shadow.stage}_known (npi, fate) SELECT DISTINCT l.npi, 'later' FROM (${sources.join(' UNION ')}) l`,
  );
  const found = await session.query<{ npi: number }>(
    `SELECT p.npi FROM ${shadow.stage}_known p WHERE p.fate = 'later' AND ${inRange('p', scope)}`,
  );
  return found.map(({ npi }) => npi);
}

/** How many of them the file has, and how many of these as stubs. */
async function countLate(
  session: Session,
  scope: CarryScope,
): Promise<{ readonly rows: number; readonly stubs: number }> {
  if (scope.later === 'none') return { rows: 0, stubs: 0 };
  const { tables, stage } = scope.shadow;
  const found: number[] = [];
  for (const type of types) {
    const [row] = await session.query<{ npis: number }>(
      `SELECT COUNT(*) AS npis FROM ${stage}_known p STRAIGHT_JOIN ${tables.data(type)} m ON m.npi = p.npi
       WHERE p.fate = 'later' AND ${inRange('p', scope)}`,
    );
    found.push(row?.npis ?? 0);
  }
  return { rows: found.reduce((sum, npis) => sum + npis, 0), stubs: found[0] ?? 0 };
}

interface Compared {
  readonly plain: string;
  readonly looseCount: string;
  readonly changedCount: string;
  readonly same: string;
  readonly loose: string | null;
  readonly changed: string | null;
}

/**
 * Compares the live rows of one table with the file's rows of the same type. `plain` counts the rows that are replaced,
 * `same` those of them with an equal date. The NPIs of the other rows go to `<stage>_known`, and so do those of the rows
 * whose content changes, with that fate.
 */
async function compareKnown(
  session: Session,
  scope: CarryScope,
  type: Type,
  later: readonly number[],
): Promise<{ readonly plain: number; readonly same: number }> {
  const { live, shadow, recordsHistory } = scope;
  const { exact } = await collationsOf(session);
  const date = type === 0 ? 'npi_deactivation_date' : 'last_update_date';
  const isNewer = type === 0 ? 'FALSE' : `${dateKey(`k.${date}`)} > ${dateKey(`m.${date}`)}`;
  const isLoose = `(m.npi IS NULL OR ${isNewer})`;
  const isChanged = recordsHistory ? `IF(${isLoose}, FALSE, NOT (${isSameRow('k', 'm', exact)}))` : 'FALSE';
  // One pass for the counts and the lists, because it reads every live row of the range. The derived table is not merged,
  // so that the columns of a row are compared once. MySQL returns sums as decimals.
  const [found] = await session.query<Compared>(
    `SELECT /*+ NO_MERGE(d) */ COALESCE(SUM(NOT d.isLoose), 0) AS plain, COALESCE(SUM(d.isLoose), 0) AS looseCount,
       COALESCE(SUM(d.isChanged), 0) AS changedCount, COALESCE(SUM(NOT d.isLoose AND d.isSame), 0) AS same,
       GROUP_CONCAT(IF(d.isLoose, d.npi, NULL)) AS loose, GROUP_CONCAT(IF(d.isChanged, d.npi, NULL)) AS changed
     FROM (SELECT k.npi, ${isLoose} AS isLoose, k.${date} <=> m.${date} AS isSame, ${isChanged} AS isChanged
       FROM ${live.data(type)} k LEFT JOIN ${shadow.tables.data(type)} m ON m.npi = k.npi
       WHERE ${inRange('k', scope)} ${later.length === 0 ? '' : `AND k.npi NOT IN (${later.join(', ')})`}) d`,
    [],
    `comparing a range of ${live.data(type)}`,
  );
  await enterKnown(session, shadow, listed(found?.loose, found?.looseCount), `${type}, NULL`);
  await enterKnown(session, shadow, listed(found?.changed, found?.changedCount), `NULL, 'changed'`);
  return { plain: Number(found?.plain ?? 0), same: Number(found?.same ?? 0) };
}

/** The NPIs of a list. @throws DbError CountsDiffer when the server cut it at its packet size, which would lose providers */
function listed(list: string | null | undefined, count: string | undefined): readonly string[] {
  const npis = (list ?? '').split(',').filter((npi) => npi !== '');
  if (npis.length === Number(count ?? 0)) return npis;
  throw new DbError(
    'CountsDiffer',
    `The server returned only ${npis.length} of ${count} known NPIs. Raise its max_allowed_packet.`,
  );
}

const npisPerInsert = 10_000;

/** Adds lines to `<stage>_known`; `values` are those of `known` and `fate`. */
async function enterKnown(
  session: Session,
  { stage }: Shadow,
  npis: readonly string[],
  values: string,
): Promise<void> {
  for (let start = 0; start < npis.length; start += npisPerInsert) {
    const lines = npis.slice(start, start + npisPerInsert).map((npi) => `(${npi}, ${values})`);
    await session.query(
      `INSERT INTO ${stage}_known (npi, known, fate) VALUES ${lines.join(', ')}`,
      [],
      `INSERT INTO ${stage}_known`,
    );
  }
}

/** Decides the fate of each NPI in `<stage>_known`. */
async function decideFates(session: Session, scope: CarryScope, type: Type): Promise<void> {
  const { live, shadow } = scope;
  const known = dateKey('k.last_update_date');
  const update = dateKey('COALESCE(m1.last_update_date, m2.last_update_date)');
  const reactivation = dateKey('k.npi_reactivation_date');
  const staleStub = `(${reactivation} <> '' AND ${dateKey('m0.npi_deactivation_date')} <= ${reactivation})`;
  const fateOfKnown =
    type === 0
      ? `ELSE 'replace'`
      : `WHEN p.target = 0 AND ${staleStub} THEN 'keep'
         WHEN p.target = 0 THEN IF(m0.npi_deactivation_date = k.npi_deactivation_date, 'confirm', 'deactivate')
         WHEN ${known} > ${update} THEN 'keep'
         ELSE 'replace'`;
  const joins = `${shadow.stage}_known p STRAIGHT_JOIN ${live.data(type)} k ON k.npi = p.npi
    LEFT JOIN ${shadow.tables.data(0)} m0 ON m0.npi = p.npi
    LEFT JOIN ${shadow.tables.data(1)} m1 ON m1.npi = p.npi
    LEFT JOIN ${shadow.tables.data(2)} m2 ON m2.npi = p.npi
    LEFT JOIN ${shadow.stage}_refused r ON r.npi = p.npi`;
  const target = 'IF(m0.npi IS NOT NULL, 0, IF(m1.npi IS NOT NULL, 1, IF(m2.npi IS NOT NULL, 2, NULL)))';
  // Two statements, because MySQL guarantees the order of assignments only for single-table updates.
  const where = `WHERE p.known = ${type} AND ${inRange('p', scope)}`;
  await session.query(`UPDATE ${joins} SET p.target = ${target} ${where}`);
  await session.query(
    `UPDATE ${joins} SET p.fate = CASE
       WHEN p.target IS NULL AND r.npi IS NOT NULL THEN 'keep'
       WHEN p.target IS NULL THEN 'remove'
       ${fateOfKnown} END ${where}`,
  );
}

interface FateCount {
  readonly fate: string;
  readonly target: number | null;
  readonly npis: number;
}

function countFates(session: Session, scope: CarryScope): Promise<FateCount[]> {
  return session.query<FateCount>(
    `SELECT p.fate, p.target, COUNT(*) AS npis FROM ${scope.shadow.stage}_known p
     WHERE p.fate <> 'later' AND ${inRange('p', scope)} GROUP BY p.fate, p.target`,
  );
}

const names = npiColumns.map(({ name }) => name);
const loaded = [...names, 'data_release', 'deactivation_release'].join(', ');
const fields = (of: (name: string) => string) => names.map(of).join(', ');

async function applyFates(session: Session, scope: CarryScope): Promise<void> {
  const { live, shadow, releaseId } = scope;
  const known = `${shadow.stage}_known p`;
  for (const type of [1, 2] as const) {
    await session.query(
      `INSERT INTO ${shadow.tables.data(type)} (${loaded})
       SELECT ${fields((name) => (name === 'npi_deactivation_date' ? `m.${name}` : `k.${name}`))}, k.data_release, ${releaseId}
       FROM ${known} STRAIGHT_JOIN ${live.data(type)} k ON k.npi = p.npi STRAIGHT_JOIN ${shadow.tables.data(0)} m ON m.npi = p.npi
       WHERE p.fate IN ('deactivate', 'confirm') AND p.known = ${type} AND ${inRange('p', scope)}`,
    );
  }
  for (const type of types) {
    await session.query(
      `DELETE m FROM ${known} STRAIGHT_JOIN ${shadow.tables.data(type)} m ON m.npi = p.npi
       WHERE p.fate IN ('keep', 'deactivate', 'confirm') AND p.target = ${type} AND ${inRange('p', scope)}`,
    );
  }
  for (const type of types) {
    await session.query(
      `INSERT INTO ${shadow.tables.data(type)} (${loaded})
       SELECT ${fields((name) => `k.${name}`)}, k.data_release, k.deactivation_release
       FROM ${known} STRAIGHT_JOIN ${live.data(type)} k ON k.npi = p.npi
       WHERE p.fate = 'keep' AND p.known = ${type} AND ${inRange('p', scope)}`,
    );
  }
  await planKnown(session, scope);
}

/** Plans the search rows of kept rows, which do not come from the file's lines, also where the file's row has another type. */
async function planKnown(session: Session, scope: CarryScope): Promise<void> {
  const { stage } = scope.shadow;
  await session.query(
    `INSERT INTO ${stage}_plan (npi, row_no, is_stub, target, known, action)
     SELECT p.npi, 0, FALSE, p.known, p.target, 'update' FROM ${stage}_known p
     WHERE p.fate = 'keep' AND ${inRange('p', scope)}`,
  );
}
