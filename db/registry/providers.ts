import type { PublishScope } from './publish-scope.ts';
import { npiColumns } from '../schema/npi-columns.ts';
import type { Session } from '../connection/session.ts';
import { tablesOf, type PlanGroup } from './plan.ts';

const isOfOtherTable = ({ action, known, target }: PlanGroup) => action === 'update' && known !== target;
const isWritten = ({ action, isStub }: PlanGroup) =>
  action === 'insert' || (action === 'update' && isStub === 0);
const isLater = ({ action, isStub }: PlanGroup) => action === 'unchanged' && isStub === 0;
const isDeactivated = ({ action, isStub }: PlanGroup) =>
  isStub === 1 && (action === 'update' || action === 'unchanged');

/** Applies the plan to `npi_data_*`. */
export async function writePlan(
  session: Session,
  scope: PublishScope,
  groups: readonly PlanGroup[],
): Promise<void> {
  const { tables, stage } = scope;
  // Skips tables without work: each statement reads the plan and looks up its rows among millions.
  for (const table of tablesOf(groups, 'known', isOfOtherTable)) {
    await session.query(
      `DELETE k FROM ${stage}_plan p STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
       WHERE p.action = 'update' AND p.known = ${table} AND p.target <> ${table}`,
    );
  }
  for (const table of tablesOf(groups, 'target', isWritten)) await writeRows(session, scope, table);
  for (const table of tablesOf(groups, 'known', isDeactivated)) await deactivate(session, scope, table);
  for (const table of tablesOf(groups, 'known', isLater)) await moveRelease(session, scope, table);
}

/** Writes full rows to the table of their type, and stubs of unknown providers to table 0, in key order. */
async function writeRows(
  session: Session,
  { tables, stage, releaseId }: PublishScope,
  table: 0 | 1 | 2,
): Promise<void> {
  const names = npiColumns.map(({ name }) => name);
  const updates = names.filter((name) => name !== 'npi').map((name) => `${name} = s.${name}`);
  await session.query(
    `INSERT INTO ${tables.data(table)} (${names.join(', ')}, data_release, deactivation_release)
     SELECT ${names.map((name) => `s.${name}`).join(', ')}, IF(p.is_stub, NULL, ?), IF(p.is_stub, ?, NULL)
     FROM ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
     WHERE p.target = ${table} AND (p.action = 'insert' OR (p.action = 'update' AND p.is_stub = FALSE))
     ORDER BY p.npi
     ON DUPLICATE KEY UPDATE ${updates.join(', ')}, data_release = ?, deactivation_release = NULL`,
    [releaseId, releaseId, releaseId],
  );
}

/** Gives known rows the deactivation date of their stub. */
async function deactivate(
  session: Session,
  { tables, stage, releaseId }: PublishScope,
  table: 0 | 1 | 2,
): Promise<void> {
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
       STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
     SET k.npi_deactivation_date = s.npi_deactivation_date, k.deactivation_release = ?
     WHERE p.is_stub = TRUE AND p.known = ${table} AND p.action IN ('update', 'unchanged')`,
    [releaseId],
  );
}

/** Gives unchanged rows the ID of this release. Skips rows that already have it, because the release is loaded again. */
async function moveRelease(
  session: Session,
  { tables, stage, releaseId }: PublishScope,
  table: 0 | 1 | 2,
): Promise<void> {
  await session.query(
    `UPDATE ${stage}_plan p STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
     SET k.data_release = ?, k.deactivation_release = NULL
     WHERE p.is_stub = FALSE AND p.known = ${table} AND p.action = 'unchanged'
       AND NOT (p.known_release <=> ? AND p.known_stub_release IS NULL)`,
    [releaseId, releaseId],
  );
}
