import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import {
  referenceStage,
  removeDuplicates,
  stagedReferences,
  type ReferenceStaging,
} from '../registry/reference-staging.ts';
import { countedReference } from '../registry/references.ts';
import { moveCheckpoint, openTables } from '../registry/staging.ts';
import type { PublishReport, ReferenceCounts } from '../schema/ledger-json.ts';
import { referenceLine, type ReferenceTable } from '../schema/reference-tables.ts';
import { releasesAfter } from '../ledger/releases.ts';
import { buildKeys, createUnkeyed } from '../schema/table-keys.ts';
import { liveReference, liveTables, type NpiTables, type Schemas } from '../schema/tables.ts';
import { countRows } from './count.ts';
import type { Shadow } from './shadow.ts';

/** A monthly that is being loaded. */
export interface ReferenceScope {
  readonly schemas: Schemas;
  readonly shadow: Shadow;
  readonly lease: Lease;
  readonly releaseId: number;
  readonly fileName: string;
}

const shadowReference = ({ prefix }: Shadow, { name }: Pick<ReferenceTable, 'name'>) => `${prefix}_${name}`;

/** The table of the providers who keep the rows of later weeks. It is dropped together with the checkpoint. */
const planOf = (checkpoint: string) => `${checkpoint}_plan`;

/** Creates the shadow of a reference table, without secondary keys, unless an earlier attempt of the run did. */
export async function openReferenceShadow(
  session: Session,
  { schemas, shadow, lease: { runId }, releaseId, fileName }: ReferenceScope,
  table: ReferenceTable,
): Promise<ReferenceStaging> {
  const place = shadowReference(shadow, table);
  await createUnkeyed(session, place, liveReference(schemas, table));
  const name = referenceStage(runId, fileName, table);
  const staging = await openTables(session, { name, runId, fileName }, [
    `CREATE TABLE IF NOT EXISTS ${planOf(name)} (npi BIGINT NOT NULL PRIMARY KEY)`,
  ]);
  const constants = { data_release: releaseId };
  return { ...staging, table, target: { table: place, columns: referenceLine(table), constants } };
}

/**
 * Completes the shadows of the reference tables that were loaded: removes duplicates, keeps the rows of later releases, and
 * builds the keys. Call it when the shadows of the providers are complete. Does nothing twice.
 * @throws DbError FencedOut when a newer attempt holds the lease
 */
export async function settleReferences(
  session: Session,
  scope: ReferenceScope,
  { isRebuild }: { readonly isRebuild: boolean },
): Promise<void> {
  const { schemas, shadow, lease, fileName } = scope;
  for (const reference of await stagedReferences(session, lease.runId, fileName)) {
    const { name, table, soFar } = reference;
    const place = shadowReference(shadow, table);
    if (!soFar.settled) {
      await session.transaction(async () => {
        await fence(session, lease);
        const duplicates = await removeDuplicates(session, place, table);
        const stale = isRebuild ? 0 : await keepLater(session, scope, table);
        await moveCheckpoint(session, name, { staged: { ...soFar, settled: { duplicates, stale } } });
      });
    }
    await buildKeys(session, place, liveReference(schemas, table));
  }
}

/**
 * Gives providers whose rows come from later weeklies their live rows instead of those of the monthly, also when a later
 * weekly left them none. @returns how many rows of the monthly that replaced
 */
async function keepLater(
  session: Session,
  { schemas, shadow, lease, releaseId, fileName }: ReferenceScope,
  table: ReferenceTable,
): Promise<number> {
  const later = (await releasesAfter(session, releaseId))
    .filter(({ published }) => published.references?.some((counts) => counts.table === table.name))
    .map((release) => release.releaseId);
  if (later.length === 0) return 0;
  const live = liveReference(schemas, table);
  const place = shadowReference(shadow, table);
  const plan = planOf(referenceStage(lease.runId, fileName, table));
  await planLater(session, { providers: liveTables(schemas), shadow, plan, live }, later);
  const { affectedRows } = await session.run(
    `DELETE s FROM ${plan} p STRAIGHT_JOIN ${place} s ON s.npi = p.npi`,
  );
  const columns = [...referenceLine(table), 'data_release'];
  await session.query(
    `INSERT INTO ${place} (${columns.join(', ')})
     SELECT ${columns.map((column) => `k.${column}`).join(', ')} FROM ${plan} p STRAIGHT_JOIN ${live} k ON k.npi = p.npi`,
  );
  return affectedRows;
}

/**
 * Lists the providers whose rows come from `later` releases. Those whose row of such a release gave way to that of the monthly
 * are not among them: their later rows are stale.
 */
async function planLater(
  session: Session,
  tables: {
    readonly providers: NpiTables;
    readonly shadow: Shadow;
    readonly plan: string;
    readonly live: string;
  },
  later: readonly number[],
): Promise<void> {
  const { providers, shadow, plan, live } = tables;
  const sources = [live, providers.data(1), providers.data(2)];
  const eachLater = sources.map((source) => `SELECT npi FROM ${source} WHERE data_release IN (?)`);
  await session.query(`DELETE FROM ${plan}`);
  await session.query(`INSERT INTO ${plan} (npi) ${eachLater.join(' UNION ')}`, [later, later, later]);
  for (const type of [1, 2] as const) {
    await session.query(
      `DELETE p FROM ${plan} p STRAIGHT_JOIN ${providers.data(type)} k ON k.npi = p.npi
         LEFT JOIN ${shadow.tables.data(type)} s ON s.npi = p.npi
       WHERE k.data_release IN (?) AND NOT s.data_release <=> k.data_release`,
      [later],
    );
  }
}

/**
 * Counts the rows of the shadows of the reference tables, and compares them with those of the files (contract, rule 9).
 * @throws DbError CountsDiffer
 */
export async function countReferences(
  session: Session,
  { shadow, lease, releaseId, fileName }: ReferenceScope,
): Promise<ReferenceCounts[]> {
  const counts: ReferenceCounts[] = [];
  for (const { table, soFar } of await stagedReferences(session, lease.runId, fileName)) {
    if (!soFar.settled) throw new DbError('CountsDiffer', `The rows of ${soFar.member} are not complete.`);
    const written = await countRows(session, shadowReference(shadow, table), `data_release = ${releaseId}`);
    counts.push(countedReference(table.name, soFar, { written, ...soFar.settled }));
  }
  return counts;
}

/** The reference tables that a baseline replaces: those whose file its zip had. */
export function replacedReferences(
  { application }: Schemas,
  { references = [] }: PublishReport,
): { readonly base: string; readonly live: string }[] {
  return references.map(({ table }) => ({ base: table, live: `${application}.${table}` }));
}

/** One sentence for each reference file that is smaller than `minFraction` of the last monthly's. */
export async function referenceShortfalls(
  session: Session,
  { runId, fileName }: { readonly runId: string; readonly fileName: string },
  { last, minFraction }: { readonly last: PublishReport | undefined; readonly minFraction: number },
): Promise<string[]> {
  const staged = await stagedReferences(session, runId, fileName);
  return (last?.references ?? []).flatMap(({ table, rows: before }) => {
    const now = staged.find((reference) => reference.table.name === table)?.soFar.rows;
    if (now === undefined || now >= before * minFraction) return [];
    return [
      `${now} rows for ${table}, ${((100 * now) / before).toFixed(1)} % of the ${before} in the last monthly`,
    ];
  });
}
