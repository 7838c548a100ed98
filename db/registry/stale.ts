import { npiColumns } from '../schema/npi-columns.ts';
import { tablesOf, type PlanGroup } from './plan.ts';
import type { PublishScope } from './publish-scope.ts';
import type { Session } from '../connection/session.ts';

/**
 * Keeps rows of weeklies that are not in the provider tables, because the known row is newer. A monthly may remove that newer
 * row, and then db/baseline/stale.ts applies the kept rows again.
 * @param rows a query with the columns npi, release_id, and the fields as `keptFields` has them
 */
export async function keepRows(
  session: Session,
  rows: string,
  values: readonly unknown[] = [],
): Promise<void> {
  await session.query(
    `INSERT INTO npi_stale (npi, release_id, fields) ${rows}
     ON DUPLICATE KEY UPDATE release_id = npi_stale.release_id`,
    values,
    'INSERT INTO npi_stale',
  );
}

/** The fields of a row of the staging or of a provider table, as `npi_stale` keeps them. */
export function keptFields(row: string): string {
  const fields = npiColumns.map(({ name }) =>
    name === 'npi' ? `CAST(${row}.npi AS CHAR)` : `${row}.${name}`,
  );
  return `JSON_ARRAY(${fields.join(', ')})`;
}

/** Keeps the rows of later releases that this late release overwrites, because its rows are newer. */
export async function keepDisplaced(
  session: Session,
  { tables, stage, releaseId }: PublishScope,
  groups: readonly PlanGroup[],
): Promise<void> {
  const isLate = await session.query('SELECT 1 FROM npi_release WHERE release_id > ? LIMIT 1', [releaseId]);
  if (isLate.length === 0) return;
  const isUpdate = ({ action, isStub }: PlanGroup) => action === 'update' && isStub === 0;
  for (const table of tablesOf(groups, 'known', isUpdate)) {
    await keepRows(
      session,
      `SELECT p.npi, p.known_release, ${keptFields('k')}
       FROM ${stage}_plan p STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
       WHERE p.action = 'update' AND p.is_stub = FALSE AND p.known = ${table} AND p.known_release > ?`,
      [releaseId],
    );
  }
}

/** Keeps full rows of this release that are older than the known row. */
export async function keepStale(
  session: Session,
  { stage, releaseId }: PublishScope,
  groups: readonly PlanGroup[],
): Promise<void> {
  if (!groups.some(({ action, isStub }) => action === 'stale' && isStub === 0)) return;
  await keepRows(
    session,
    `SELECT p.npi, ?, ${keptFields('s')}
     FROM ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
     WHERE p.action = 'stale' AND p.is_stub = FALSE`,
    [releaseId],
  );
}
