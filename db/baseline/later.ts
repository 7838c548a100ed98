import { classify } from '../registry/classify.ts';
import { publishLaterAgain, takeBackLater } from '../registry/late.ts';
import { stageProviders } from '../registry/staging.ts';
import { keepOwnColumns, ownColumns } from '../schema/own-columns.ts';
import { plannedCounts, planGroups } from '../registry/plan.ts';
import { writePlan } from '../registry/providers.ts';
import type { PublishScope } from '../registry/publish-scope.ts';
import { pinned } from '../registry/restore.ts';
import { searchAgain } from '../registry/search.ts';
import { imageOf, recordVersions, versionColumns, versionOf } from '../registry/versions.ts';
import type { RangeCounts } from '../schema/ledger-json.ts';
import type { Session } from '../connection/session.ts';
import type { Shadow } from './shadow.ts';
import { liveTables, type Schemas } from '../schema/tables.ts';

const types = [0, 1, 2] as const;

/**
 * Publishes the monthly on its shadow for the providers that later releases brought: takes the later releases back for them,
 * applies the rows of the monthly, and publishes the later releases again (contract, rule 2). Call it in a transaction, after
 * the shadow's search tables are complete.
 */
export async function publishUnderLater(
  session: Session,
  {
    schemas,
    shadow,
    releaseId,
  }: { readonly schemas: Schemas; readonly shadow: Shadow; readonly releaseId: number },
): Promise<RangeCounts> {
  const { tables, stage } = shadow;
  const live = liveTables(schemas);
  const scope: PublishScope = { tables, versions: `${stage}_version`, stage, releaseId };
  const npis = `SELECT p.npi FROM ${stage}_known p WHERE p.fate = 'later'`;
  if ((await session.query(`${npis} LIMIT 1`)).length === 0) return noCounts;
  await session.query(
    `INSERT INTO ${scope.versions} (${versionColumns})
     SELECT ${versionOf('v')} FROM npi_version v WHERE v.release_id > ?`,
    [releaseId],
  );
  await session.query(`DELETE FROM ${stage}`);
  for (const type of types) await stageProviders(session, stage, tables.data(type), { npis, rowNumber: 0 });
  await takeBackLater(session, scope, { npis, live });
  const counts = await publishMonthly(session, scope);
  await publishLaterAgain(session, scope);
  await searchAgain(session, scope, pinned);
  await keepOwnColumns(session, { live, shadow: tables }, await ownColumns(session, schemas), wholeRange);
  return counts;
}

const noCounts: RangeCounts = {
  inserted: 0,
  updated: 0,
  unchanged: 0,
  stale: 0,
  deactivated: 0,
  duplicates: 0,
  removed: 0,
  kept: 0,
  late: 0,
};
const wholeRange = { from: 0, to: 10_000_000_000 };

async function publishMonthly(session: Session, scope: PublishScope): Promise<RangeCounts> {
  const absent = await removeAbsent(session, scope);
  await classify(session, scope);
  const groups = await planGroups(session, scope);
  await recordVersions(session, scope, groups);
  await forgetConfirmed(session, scope);
  await writePlan(session, scope, groups);
  return { ...plannedCounts(groups), ...absent, duplicates: 0, late: 0 };
}

/** Of a monthly only what it changes is recorded, because it confirms millions of rows; see `recordDifferences`. */
async function forgetConfirmed(session: Session, { versions, releaseId }: PublishScope): Promise<void> {
  await session.query(`DELETE FROM ${versions} WHERE release_id = ? AND kind <> 'changed'`, [releaseId]);
  await session.query(`UPDATE ${versions} SET stub_date = NULL WHERE release_id = ?`, [releaseId]);
}

/**
 * Removes the providers that the monthly does not have. Keeps those whose row it has refused and, where the history does not
 * reach back to the monthly, rows of later releases.
 */
async function removeAbsent(
  session: Session,
  { tables, versions, stage, releaseId }: PublishScope,
): Promise<{ readonly removed: number; readonly kept: number }> {
  let [absent, removed] = [0, 0];
  for (const type of types) {
    const rows = `FROM ${stage}_known p STRAIGHT_JOIN ${tables.data(type)} k ON k.npi = p.npi
      WHERE p.fate = 'later' AND NOT EXISTS (SELECT 1 FROM ${stage} s WHERE s.npi = p.npi)`;
    const isRemoved = `COALESCE(k.data_release, k.deactivation_release, 0) <= ${releaseId}
        AND NOT EXISTS (SELECT 1 FROM ${stage}_refused r WHERE r.npi = p.npi)`;
    const [found] = await session.query<{ npis: number }>(`SELECT COUNT(*) AS npis ${rows}`);
    absent += found?.npis ?? 0;
    const recorded = await session.run(
      `INSERT INTO ${versions} (${versionColumns})
       SELECT k.npi, ${releaseId}, 'changed', NULL, ${type}, ${imageOf('k')} ${rows} AND ${isRemoved}`,
    );
    removed += recorded.affectedRows;
    await session.query(`DELETE k ${rows} AND ${isRemoved}`);
  }
  return { removed, kept: absent - removed };
}
