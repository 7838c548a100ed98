import { expectRows, loadLines } from '../registry/bulk-load.ts';
import { fenceShared, type Lease } from '../ledger/lease.ts';
import { stageProviders } from '../registry/staging.ts';
import { updateSearch } from '../registry/search.ts';
import type { Session } from '../connection/session.ts';
import { countRows } from './count.ts';
import { searchFields } from './range.ts';
import { publishUnderLater } from './later.ts';
import { markShadow, readShadow, type Shadow } from './shadow.ts';
import { shadowRangeTable } from '../schema/schema.ts';
import { buildKeys } from '../schema/table-keys.ts';
import { liveTables, type Schemas, type SearchKind } from '../schema/tables.ts';

/** The shadow whose search tables are filled. */
export interface ShadowScope {
  readonly schemas: Schemas;
  readonly shadow: Shadow;
  readonly lease: Lease;
  readonly releaseId: number;
}

/**
 * Fills the table of one letter, in the order of the NPIs, and builds its keys. The rows are loaded in one transaction, so a
 * table that has rows was completed by an earlier attempt.
 * @throws DbError CountsDiffer when the table does not have exactly `rows` rows
 */
export async function loadLetter(
  session: Session,
  { schemas, shadow, lease }: ShadowScope,
  { kind, letter, rows }: { readonly kind: SearchKind; readonly letter: string; readonly rows: number },
  lines: AsyncIterable<Buffer>,
  isLocal: boolean,
): Promise<void> {
  const table = shadow.tables.search(kind, letter);
  const filled = await countRows(session, table);
  if (filled > 0) expectRows(filled, rows, table);
  else {
    await session.transaction(async () => {
      await fenceShared(session, lease);
      const written = await loadLines(session, { table, columns: searchFields(kind) }, lines, isLocal);
      expectRows(written, rows, table);
    });
  }
  await buildKeys(session, table, liveTables(schemas).search(kind, letter));
}

/** Builds the secondary keys of one of the three provider tables. */
export function buildDataKeys(
  session: Session,
  { schemas, shadow }: ShadowScope,
  type: 0 | 1 | 2,
): Promise<void> {
  return buildKeys(session, shadow.tables.data(type), liveTables(schemas).data(type));
}

/** Builds the secondary keys of the table of all providers of a kind. */
export function buildAllKeys(
  session: Session,
  { schemas, shadow }: ShadowScope,
  kind: SearchKind,
): Promise<void> {
  return buildKeys(session, shadow.tables.search(kind, 'all'), liveTables(schemas).search(kind, 'all'));
}

/**
 * Adds the providers that were carried over, and those whose letter only the database can decide. Then the search tables are
 * complete.
 */
export async function finishSearch(
  session: Session,
  { schemas, shadow, lease, releaseId }: ShadowScope,
): Promise<void> {
  const { tables, stage } = shadow;
  await session.transaction(async () => {
    await fenceShared(session, lease);
    await session.query(`DELETE FROM ${stage}`);
    for (const type of [1, 2] as const) {
      const npis = `SELECT p.npi FROM ${stage}_plan p WHERE p.target = ${type}`;
      await stageProviders(session, stage, tables.data(type), { npis, rowNumber: 0 });
    }
    await updateSearch(session, { tables, versions: `${stage}_version`, stage, releaseId });
    const counts = await publishUnderLater(session, { schemas, shadow, releaseId });
    // The range after the last one has the counts of these providers.
    const rangeNumber = (await readShadow(session, lease.runId))?.rangeCount ?? 0;
    await session.orm((db) =>
      db.insert(shadowRangeTable).values({ runId: lease.runId, rangeNumber, counts }),
    );
  });
  await markShadow(session, lease, { isSearched: true });
}
