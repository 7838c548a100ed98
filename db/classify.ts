import { npiColumns } from './npi-columns.ts';
import type { Session } from './session.ts';
import type { NpiTables } from './tables.ts';

/** The names that the statements of one publish need. */
export interface PublishScope {
  readonly tables: NpiTables;
  /** Staging table; `<stage>_plan`, `<stage>_search` and `<stage>_refused` stand beside it. */
  readonly stage: string;
  readonly releaseId: number;
}

/** `MM/DD/YYYY` as text that sorts; anything else, the empty field too, sorts first. */
export function dateKey(column: string): string {
  return `IF(${column} LIKE '__/__/____', CONCAT(RIGHT(${column}, 4), LEFT(${column}, 5)), '')`;
}

/** Contract, rule 5: a deactivation date and no reactivation date on or after it. */
export function isDeactivated(row: string): string {
  const reactivation = dateKey(`${row}.npi_reactivation_date`);
  return `(COALESCE(${row}.npi_deactivation_date, '') <> '' AND
    (${reactivation} = '' OR ${reactivation} < ${dateKey(`${row}.npi_deactivation_date`)}))`;
}

/**
 * Bytes of fields, each after its length, so that no text in them looks like the border of two. A NULL of an older loader
 * leaves its place out, so it differs from an empty field.
 */
export const fieldBytes = (fields: readonly string[]) =>
  `CAST(CONCAT_WS(',', ${fields.map((field) => `LENGTH(${field}), ${field}`).join(', ')}) AS BINARY)`;

const rowBytes = (row: string) => fieldBytes(npiColumns.map(({ name }) => `${row}.${name}`));

/**
 * Fills the plan: one line an NPI of the file, with what is known of it and what is to be done. Nothing but the plan
 * (and, for releases that arrive late, the staged deactivation date) is written.
 */
export async function classify(session: Session, scope: PublishScope): Promise<void> {
  await chooseWinners(session, scope);
  for (const table of [0, 1, 2] as const) await findKnown(session, scope, table);
  await overlayLaterStubs(session, scope);
  await decideFullRows(session, scope);
  await decideStubs(session, scope);
}

/** Rules 3 and 4: inside one file a full row beats a stub, then the newest date wins, then the later row. */
async function chooseWinners(session: Session, { stage }: PublishScope): Promise<void> {
  await session.query(`DELETE FROM ${stage}_plan`);
  await session.query(
    `INSERT INTO ${stage}_plan (npi, row_no, is_stub, target)
     SELECT npi, row_no, is_stub, target FROM (
       SELECT npi, row_no, entity_type_code = '' AS is_stub, CAST(IF(entity_type_code = '', 0, entity_type_code) AS SIGNED) AS target,
         ROW_NUMBER() OVER (PARTITION BY npi ORDER BY entity_type_code = '',
           IF(entity_type_code = '', ${dateKey('npi_deactivation_date')}, ${dateKey('last_update_date')}) DESC, row_no DESC) AS place
       FROM ${stage}) ranked
     WHERE place = 1`,
  );
}

async function findKnown(session: Session, { tables, stage }: PublishScope, table: 0 | 1 | 2): Promise<void> {
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
     SET p.known = ${table}, p.known_update = ${dateKey('k.last_update_date')},
       p.known_reactivation = ${dateKey('k.npi_reactivation_date')},
       p.known_deactivation = COALESCE(k.npi_deactivation_date, ''),
       p.known_release = COALESCE(k.data_release, 0), p.known_stub_release = COALESCE(k.deactivation_release, 0)`,
  );
}

/**
 * A full row that arrives late still has the stubs of later releases before it (rule 2): the newest of them that
 * its reactivation does not make stale gives the deactivation date, as it would have in the order of the periods.
 */
async function overlayLaterStubs(session: Session, { stage, releaseId }: PublishScope): Promise<void> {
  const late = await session.query('SELECT 1 FROM npi_stub WHERE release_id > ? LIMIT 1', [releaseId]);
  if (late.length === 0) return;
  const reactivation = dateKey('s.npi_reactivation_date');
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
     SET p.stub_release = (SELECT MAX(t.release_id) FROM npi_stub t WHERE t.npi = p.npi AND t.release_id > ?
       AND (${reactivation} = '' OR ${reactivation} < ${dateKey('t.deactivation_date')}))
     WHERE p.is_stub = FALSE`,
    [releaseId],
  );
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
       STRAIGHT_JOIN npi_stub t ON t.npi = p.npi AND t.release_id = p.stub_release
     SET s.npi_deactivation_date = t.deactivation_date`,
  );
}

/** Rule 3: a full row replaces the known one unless its date is older; on equal dates the later release wins. */
async function decideFullRows(session: Session, { tables, stage, releaseId }: PublishScope): Promise<void> {
  const update = dateKey('s.last_update_date');
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
     SET p.action = CASE
       WHEN p.known IS NULL THEN 'insert'
       WHEN p.known = 0 THEN 'update'
       WHEN ${update} < p.known_update OR (${update} = p.known_update AND p.known_release > ?) THEN 'stale'
       ELSE 'update' END
     WHERE p.is_stub = FALSE`,
    [releaseId],
  );
  for (const table of [1, 2] as const) {
    await session.query(
      `UPDATE ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
         STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
       SET p.action = 'unchanged'
       WHERE p.action = 'update' AND p.known = ${table} AND p.target = ${table} AND ${rowBytes('s')} = ${rowBytes('k')}`,
    );
  }
}

/** Rule 4: a stub gives a known provider its date, unless a later release or a reactivation has overtaken it. */
async function decideStubs(session: Session, { stage, releaseId }: PublishScope): Promise<void> {
  const deactivation = dateKey('s.npi_deactivation_date');
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
     SET p.stub_release = ?, p.target = COALESCE(p.known, 0), p.action = CASE
       WHEN p.known IS NULL THEN 'insert'
       WHEN p.known_release > ? OR p.known_stub_release > ? THEN 'stale'
       WHEN p.known_reactivation <> '' AND ${deactivation} <= p.known_reactivation THEN 'stale'
       WHEN s.npi_deactivation_date = p.known_deactivation THEN 'unchanged'
       ELSE 'update' END
     WHERE p.is_stub = TRUE`,
    [releaseId, releaseId, releaseId],
  );
}
