import { valueNames, valuesOf } from '../schema/npi-columns.ts';
import { tablesOf, type PlanGroup } from './plan.ts';
import type { PublishScope } from './publish-scope.ts';
import type { Session } from '../connection/session.ts';

/** The columns of a version that a provider row has too. */
export const imageColumns = ['data_release', 'deactivation_release', ...valueNames];

/** `<row>.data_release, <row>.deactivation_release, …`: the columns of `imageColumns`. */
export const imageOf = (row: string) => imageColumns.map((name) => `${row}.${name}`).join(', ');

const keyColumns = 'npi, release_id, kind, stub_date, place';
export const versionColumns = `${keyColumns}, ${imageColumns.join(', ')}`;

/** The columns of `versionColumns` of a version. */
export const versionOf = (row: string) =>
  `${row}.npi, ${row}.release_id, ${row}.kind, ${row}.stub_date, ${row}.place, ${imageOf(row)}`;

/**
 * Records one version for each provider that the release brings (docs/tables.md, `npi_version`). A `changed` version has the
 * row as it was before the release; `place` is NULL if there was none. A `same` version has only the releases that the row
 * had before. A `stale` one has the row of the file, which did not get into the tables. `stub_date` is the date of a stub,
 * whatever it did. Call it after `classify` and before `writePlan`.
 */
export async function recordVersions(
  session: Session,
  scope: PublishScope,
  groups: readonly PlanGroup[],
): Promise<void> {
  const isUpdate = ({ action }: PlanGroup) => action === 'update';
  for (const table of tablesOf(groups, 'known', isUpdate)) await recordChanged(session, scope, table);
  if (groups.some(({ action, isStub }) => action === 'stale' && isStub === 0))
    await recordStaleRows(session, scope);
  if (groups.some(({ action }) => action !== 'update')) await recordOthers(session, scope);
}

// A release whose ledger row was lost is loaded again under the same ID. What the first load found is what was there before.
// Versions without a row are looked for first: that costs a third of finding each duplicate. For versions with a row MySQL
// would first copy all of them to a temporary table.
const keepFirst = 'ON DUPLICATE KEY UPDATE npi = p.npi';

async function recordChanged(
  session: Session,
  { tables, versions, stage, releaseId }: PublishScope,
  table: 0 | 1 | 2,
): Promise<void> {
  await session.query(
    `INSERT INTO ${versions} (${versionColumns})
     SELECT p.npi, ?, 'changed', s.npi_deactivation_date, ${table}, ${imageOf('k')}
     FROM ${stage}_plan p STRAIGHT_JOIN ${tables.data(table)} k ON k.npi = p.npi
       LEFT JOIN ${stage} s ON s.npi = IF(p.is_stub, p.npi, NULL) AND s.row_no = p.row_no
     WHERE p.action = 'update' AND p.known = ${table} ORDER BY p.npi ${keepFirst}`,
    [releaseId],
    `INSERT INTO ${versions} (changed)`,
  );
}

async function recordStaleRows(
  session: Session,
  { versions, stage, releaseId }: PublishScope,
): Promise<void> {
  await session.query(
    `INSERT INTO ${versions} (npi, release_id, kind, data_release, deactivation_release, ${valueNames.join(', ')})
     SELECT p.npi, ?, 'stale', p.known_release, p.known_stub_release, ${valuesOf('s')}
     FROM ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
     WHERE p.action = 'stale' AND p.is_stub = FALSE ${keepFirst}`,
    [releaseId],
    `INSERT INTO ${versions} (stale)`,
  );
}

/** New providers, rows that are the same, and stale stubs: their versions have no row. */
async function recordOthers(session: Session, { versions, stage, releaseId }: PublishScope): Promise<void> {
  await session.query(
    `INSERT INTO ${versions} (${keyColumns}, data_release, deactivation_release)
     SELECT p.npi, ?, ELT(FIELD(p.action, 'insert', 'unchanged', 'stale'), 'changed', 'same', 'stale'), s.npi_deactivation_date,
       p.known, p.known_release, p.known_stub_release
     FROM ${stage}_plan p
       LEFT JOIN ${stage} s ON s.npi = IF(p.is_stub, p.npi, NULL) AND s.row_no = p.row_no
     WHERE (p.action IN ('insert', 'unchanged') OR (p.action = 'stale' AND p.is_stub))
       AND NOT EXISTS (SELECT 1 FROM ${versions} v WHERE v.npi = p.npi AND v.release_id = ?)`,
    [releaseId, releaseId],
  );
}

/** SQL: the last release that set something of a provider row; 0 if none did. */
export const lastReleaseOf = (row: string): string =>
  `GREATEST(COALESCE(${row}.data_release, 0), COALESCE(${row}.deactivation_release, 0))`;
