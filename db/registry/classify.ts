import { areSame, collationsOf } from '../connection/collation.ts';
import { dateKey, dayKey } from './dates.ts';
import { valueNames } from '../schema/npi-columns.ts';
import type { PublishScope } from './publish-scope.ts';
import type { Session } from '../connection/session.ts';

/**
 * Fills the plan: one line per NPI of the file, with the known row and the action. Writes only to the plan and the staging,
 * where it keeps the winning row of each NPI. The tables must be as the releases before this one left them.
 * @returns how many staged rows lost to another row of their NPI
 */
export async function classify(session: Session, scope: PublishScope): Promise<{ duplicates: number }> {
  await session.query(`DELETE FROM ${scope.stage}_plan`);
  const duplicates = await removeLosers(session, scope);
  const { exact } = await collationsOf(session);
  await planFullRows(session, scope, 1, exact);
  await planFullRows(session, scope, 2, exact);
  await planStubs(session, scope);
  return { duplicates };
}

/** Rules 3 and 4: inside one file a full row beats a stub, then the newest date wins, then the later row. */
async function removeLosers(session: Session, { stage }: PublishScope): Promise<number> {
  // Few NPIs have two rows. Ranking all rows took 0.25 s per weekly; finding those few first takes 0.03 s.
  const { affectedRows } = await session.run(
    `DELETE s FROM (
       SELECT r.npi, r.row_no, ROW_NUMBER() OVER (PARTITION BY r.npi ORDER BY r.entity_type_code = '',
         IF(r.entity_type_code = '', ${dateKey('r.npi_deactivation_date')}, ${dateKey('r.last_update_date')}) DESC, r.row_no DESC) AS place
       FROM (SELECT npi FROM ${stage} GROUP BY npi HAVING COUNT(*) > 1) twice STRAIGHT_JOIN ${stage} r ON r.npi = twice.npi) ranked
     STRAIGHT_JOIN ${stage} s ON s.npi = ranked.npi AND s.row_no = ranked.row_no
     WHERE ranked.place > 1`,
  );
  return affectedRows;
}

/** SQL: whether two rows have the same values in every loaded column. */
export const isSameRow = (one: string, other: string, exactCollation: string): string =>
  areSame(
    valueNames.map((name) => [`${one}.${name}`, `${other}.${name}`]),
    exactCollation,
  );

const planned = `npi, row_no, is_stub, target, known, known_release, known_stub_release, action`;

/**
 * Rule 3: a full row replaces the known one unless its date is older; on equal dates the later release wins. The known row can
 * be of a later release only where the history does not reach back to this release (see late.ts). An NPI is in only one
 * table. So the table of its type is read first, and the others only when it is not there: a join with a NULL key reads no
 * page.
 */
async function planFullRows(
  session: Session,
  { tables, stage, releaseId }: PublishScope,
  target: 1 | 2,
  exactCollation: string,
): Promise<void> {
  const other = target === 1 ? 2 : 1;
  const update = dateKey('s.last_update_date');
  const known = (column: string) => `COALESCE(k.${column}, o.${column}, z.${column})`;
  const knownUpdate = dateKey(known('last_update_date'));
  const isSame = isSameRow('s', 'k', exactCollation);
  await session.query(
    `INSERT INTO ${stage}_plan (${planned})
     SELECT STRAIGHT_JOIN s.npi, s.row_no, FALSE, ${target},
       CASE WHEN k.npi IS NOT NULL THEN ${target} WHEN o.npi IS NOT NULL THEN ${other} WHEN z.npi IS NOT NULL THEN 0 END,
       ${known('data_release')}, ${known('deactivation_release')},
       CASE WHEN k.npi IS NULL AND o.npi IS NULL THEN IF(z.npi IS NULL, 'insert', 'update')
         WHEN ${update} < ${knownUpdate} OR (${update} = ${knownUpdate} AND ${known('data_release')} > ?) THEN 'stale'
         WHEN k.npi IS NOT NULL AND ${isSame} THEN 'unchanged'
         ELSE 'update' END
     FROM ${stage} s
       LEFT JOIN ${tables.data(target)} k ON k.npi = s.npi
       LEFT JOIN ${tables.data(other)} o ON o.npi = IF(k.npi IS NULL, s.npi, NULL)
       LEFT JOIN ${tables.data(0)} z ON z.npi = IF(k.npi IS NULL AND o.npi IS NULL, s.npi, NULL)
     WHERE s.entity_type_code = '${target}'`,
    [releaseId],
  );
}

/**
 * Rule 4: a stub gives a known provider its deactivation date, unless a reactivation on or after that date makes it stale. An
 * update after the day of a report also makes the report's stub stale. So does a later release, where the history does not
 * reach back to this one. The tables are read in the order of likelihood: most stubs of a weekly belong to providers with
 * data, most entries of a report to known stubs.
 */
async function planStubs(session: Session, scope: PublishScope): Promise<void> {
  const { tables, stage, releaseId, isReport } = scope;
  const [first, second, third] = isReport ? ([0, 1, 2] as const) : ([1, 2, 0] as const);
  const known = (column: string) => `COALESCE(k.${column}, o.${column}, z.${column})`;
  const deactivation = dateKey('s.npi_deactivation_date');
  const reactivation = dateKey(known('npi_reactivation_date'));
  const place = `CASE WHEN k.npi IS NOT NULL THEN ${first} WHEN o.npi IS NOT NULL THEN ${second}
    WHEN z.npi IS NOT NULL THEN ${third} END`;
  await session.query(
    `INSERT INTO ${stage}_plan (${planned})
     SELECT STRAIGHT_JOIN s.npi, s.row_no, TRUE, COALESCE(${place}, 0), ${place},
       ${known('data_release')}, ${known('deactivation_release')},
       CASE WHEN ${known('npi')} IS NULL THEN 'insert'
         WHEN ${known('data_release')} > ? OR ${known('deactivation_release')} > ? THEN 'stale'
         WHEN ${reactivation} <> '' AND ${deactivation} <= ${reactivation} THEN 'stale'
         WHEN ${isReport ? `${dateKey(known('last_update_date'))} > '${dayKey(releaseId)}'` : 'FALSE'} THEN 'stale'
         WHEN s.npi_deactivation_date = COALESCE(${known('npi_deactivation_date')}, '') THEN 'unchanged'
         ELSE 'update' END
     FROM ${stage} s
       LEFT JOIN ${tables.data(first)} k ON k.npi = s.npi
       LEFT JOIN ${tables.data(second)} o ON o.npi = IF(k.npi IS NULL, s.npi, NULL)
       LEFT JOIN ${tables.data(third)} z ON z.npi = IF(k.npi IS NULL AND o.npi IS NULL, s.npi, NULL)
     WHERE s.entity_type_code = ''`,
    [releaseId, releaseId],
  );
}
