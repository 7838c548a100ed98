import { dateKey } from '../registry/dates.ts';
import { DbError } from '../connection/errors.ts';
import { npiColumns } from '../schema/npi-columns.ts';
import type { RangeCounts } from '../schema/ledger-json.ts';
import type { Shadow } from './shadow.ts';
import type { Session } from '../connection/session.ts';
import { keepRows, keptFields } from '../registry/stale.ts';
import { lastStubFor } from '../registry/stubs.ts';
import type { NpiTables } from '../schema/tables.ts';

/** What the statements of one range need. */
export interface CarryScope {
  readonly live: NpiTables;
  readonly shadow: Shadow;
  /** The ID of the monthly. Rows from releases with a higher ID are newer. */
  readonly releaseId: number;
  readonly range: { readonly from: number; readonly to: number };
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
 * Keeps live rows that are newer than the monthly in a range of the shadow, by rules 2 to 4 and 6 of the contract: rows that
 * later releases brought or changed, rows with a newer date than the file's, the data of providers that the file has only as
 * stubs, and providers whose row in the file is refused. Runs in the transaction that loads the range, while its pages are
 * in memory. Most live rows are simply replaced; the others go to `<stage>_known`, which records the fate of each.
 */
export async function carryOver(
  session: Session,
  scope: CarryScope,
  typeRows: readonly [number, number, number],
): Promise<Omit<RangeCounts, 'duplicates'>> {
  const matched = { known: 0, same: 0, stubs: 0 };
  const stubbed = await laterStubs(session, scope);
  for (const type of types) {
    const found = await compareKnown(session, scope, type, stubbed);
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
  const rows = typeRows[0] + typeRows[1] + typeRows[2];
  const knownStubs = matched.stubs + count(({ target }) => target === 0);
  return {
    inserted: rows - matched.known - count(inFile),
    updated: matched.known - matched.same + replaced + deactivated,
    unchanged: matched.same + confirmed,
    stale,
    deactivated: typeRows[0] - knownStubs + deactivated,
    removed: count(({ fate }) => fate === 'remove'),
    kept: count((fate) => (fate.fate === 'keep' || fate.fate === 'stub') && !inFile(fate)),
  };
}

const inRange = (row: string, { range }: CarryScope) =>
  `${row}.npi >= ${range.from} AND ${row}.npi < ${range.to}`;

/** Providers of the range with a stub from a later release, including stubs that were stale when they arrived. */
async function laterStubs(session: Session, scope: CarryScope): Promise<number[]> {
  const rows = await session.query<{ npi: number }>(
    `SELECT DISTINCT s.npi FROM npi_stub s WHERE ${inRange('s', scope)} AND s.release_id > ${scope.releaseId}`,
  );
  return rows.map(({ npi }) => npi);
}

/**
 * Compares the live rows of one table with the file's rows of the same type. `plain` counts the rows that are replaced,
 * `same` those of them with an equal date. The NPIs of the other rows go to `<stage>_known`.
 */
async function compareKnown(
  session: Session,
  scope: CarryScope,
  type: Type,
  stubbed: readonly number[],
): Promise<{ readonly plain: number; readonly same: number }> {
  const { live, shadow, releaseId } = scope;
  const date = type === 0 ? 'npi_deactivation_date' : 'last_update_date';
  const isNewer = type === 0 ? 'FALSE' : `${dateKey(`k.${date}`)} > ${dateKey(`m.${date}`)}`;
  // One pass for the counts and the list, because it reads every live row of the range. MySQL returns sums as decimals.
  const isLoose = `(m.npi IS NULL OR COALESCE(k.data_release, 0) > ${releaseId}
    OR COALESCE(k.deactivation_release, 0) > ${releaseId} OR ${isNewer}
    OR ${stubbed.length === 0 ? 'FALSE' : `k.npi IN (${stubbed.join(', ')})`})`;
  const [found] = await session.query<{
    plain: string;
    looseCount: string;
    same: string;
    loose: string | null;
  }>(
    `SELECT COALESCE(SUM(NOT ${isLoose}), 0) AS plain, COALESCE(SUM(${isLoose}), 0) AS looseCount,
       COALESCE(SUM(NOT ${isLoose} AND k.${date} <=> m.${date}), 0) AS same,
       GROUP_CONCAT(IF(${isLoose}, k.npi, NULL)) AS loose
     FROM ${live.data(type)} k LEFT JOIN ${shadow.tables.data(type)} m ON m.npi = k.npi
     WHERE ${inRange('k', scope)}`,
    [],
    `comparing a range of ${live.data(type)}`,
  );
  const npis = (found?.loose ?? '').split(',').filter((npi) => npi !== '');
  // The server cuts the list at its packet size, and a cut list would lose providers.
  if (npis.length !== Number(found?.looseCount ?? 0)) {
    throw new DbError(
      'CountsDiffer',
      `The server returned only ${npis.length} of ${found?.looseCount} known NPIs. Raise its max_allowed_packet.`,
    );
  }
  for (let start = 0; start < npis.length; start += npisPerInsert) {
    const values = npis.slice(start, start + npisPerInsert).map((npi) => `(${npi}, ${type})`);
    await session.query(
      `INSERT INTO ${shadow.stage}_known (npi, known) VALUES ${values.join(', ')}`,
      [],
      `INSERT INTO ${shadow.stage}_known`,
    );
  }
  return { plain: Number(found?.plain ?? 0), same: Number(found?.same ?? 0) };
}

const npisPerInsert = 10_000;

/** Decides the fate of each NPI in `<stage>_known`. */
async function decideFates(session: Session, scope: CarryScope, type: Type): Promise<void> {
  const { live, shadow, releaseId } = scope;
  const isLaterData = `COALESCE(k.data_release, 0) > ${releaseId}`;
  const isLaterStub = `COALESCE(k.deactivation_release, 0) > ${releaseId}`;
  const known = dateKey('k.last_update_date');
  const update = dateKey('COALESCE(m1.last_update_date, m2.last_update_date)');
  const reactivation = dateKey('k.npi_reactivation_date');
  const staleStub = `(${reactivation} <> '' AND ${dateKey('m0.npi_deactivation_date')} <= ${reactivation})`;
  const fateOfKnown =
    type === 0
      ? `WHEN p.target = 0 THEN IF(${isLaterStub}, 'keep', 'replace') ELSE 'replace'`
      : `WHEN p.target = 0 AND (${isLaterData} OR ${isLaterStub} OR ${staleStub}) THEN 'keep'
         WHEN p.target = 0 THEN IF(m0.npi_deactivation_date = k.npi_deactivation_date, 'confirm', 'deactivate')
         WHEN ${known} > ${update} OR (${isLaterData} AND ${known} = ${update}) THEN 'keep'
         ELSE 'replace'`;
  const fateOfAbsent =
    type === 0
      ? `IF(${isLaterStub}, 'keep', 'remove')`
      : `IF(${isLaterData}, 'keep', IF(${newestStub('p.npi', releaseId)} IS NULL, 'remove', 'stub'))`;
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
       WHEN p.target IS NULL THEN ${fateOfAbsent}
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
    `SELECT p.fate, p.target, COUNT(*) AS npis FROM ${scope.shadow.stage}_known p WHERE ${inRange('p', scope)}
     GROUP BY p.fate, p.target`,
  );
}

const names = npiColumns.map(({ name }) => name);
const loaded = [...names, 'data_release', 'deactivation_release'].join(', ');
const fields = (of: (name: string) => string) => names.map(of).join(', ');

const stubFields: Readonly<Record<string, string>> = {
  npi: 'p.npi',
  npi_deactivation_date: 't.deactivation_date',
};

/** SQL for the last stub of a provider from a later release; NULL if there is none. */
const newestStub = (npi: string, releaseId: number) =>
  `(SELECT MAX(l.release_id) FROM npi_stub l WHERE l.npi = ${npi} AND l.release_id > ${releaseId})`;

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
  for (const type of [1, 2] as const) await keepReplaced(session, scope, type);
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
  // A provider whose data is no longer in the monthly, but who has a later stub, becomes a stub.
  for (const type of [1, 2] as const) {
    await session.query(
      `INSERT INTO ${shadow.tables.data(0)} (${loaded})
       SELECT ${fields((name) => stubFields[name] ?? "''")}, NULL, t.release_id
       FROM ${known} STRAIGHT_JOIN npi_stub t ON t.npi = p.npi AND t.release_id = ${newestStub('p.npi', releaseId)}
       WHERE p.fate = 'stub' AND p.known = ${type} AND ${inRange('p', scope)}`,
    );
    await overlayLaterStubs(session, scope, type);
  }
  await planKnown(session, scope);
}

/**
 * Keeps the live rows of later releases that the monthly replaces, because its rows are newer: a new version of the monthly
 * may lack the provider. A row that is kept although its monthly is given up does no harm, because to apply it again to a
 * table that has it changes nothing.
 */
async function keepReplaced(session: Session, scope: CarryScope, type: 1 | 2): Promise<void> {
  await keepRows(
    session,
    `SELECT p.npi, k.data_release, ${keptFields('k')}
     FROM ${scope.shadow.stage}_known p STRAIGHT_JOIN ${scope.live.data(type)} k ON k.npi = p.npi
     WHERE p.fate = 'replace' AND p.known = ${type} AND k.data_release > ? AND ${inRange('p', scope)}`,
    [scope.releaseId],
  );
}

/**
 * Plans the search rows that do not come from the file's lines or differ from them: those of kept rows, also where the
 * file's row has another type.
 */
async function planKnown(session: Session, scope: CarryScope): Promise<void> {
  const { stage } = scope.shadow;
  await session.query(
    `INSERT INTO ${stage}_plan (npi, row_no, is_stub, target, known, action)
     SELECT p.npi, 0, FALSE, IF(p.fate = 'keep', p.known, p.target), p.target, 'update' FROM ${stage}_known p
     WHERE p.fate IN ('keep', 'replace') AND ${inRange('p', scope)}`,
  );
}

/** Gives rows of the file the dates of later stubs that their reactivation does not make stale. */
async function overlayLaterStubs(session: Session, scope: CarryScope, type: Type): Promise<void> {
  const { shadow, releaseId } = scope;
  await session.query(
    `UPDATE ${shadow.stage}_known p STRAIGHT_JOIN ${shadow.tables.data(type)} m ON m.npi = p.npi
       STRAIGHT_JOIN npi_stub t ON t.npi = p.npi AND t.release_id = ${lastStubFor('m', releaseId)}
     SET m.npi_deactivation_date = t.deactivation_date, m.deactivation_release = t.release_id
     WHERE p.fate = 'replace' AND p.target = ${type} AND ${inRange('p', scope)}`,
  );
}
