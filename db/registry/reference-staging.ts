import { loadLines, type LoadTarget } from './bulk-load.ts';
import { moveCheckpoint, openTables, readStaging, stagingName, type Staging } from './staging.ts';
import { collationsOf } from '../connection/collation.ts';
import type { Session } from '../connection/session.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import type { StagedSoFar } from '../schema/ledger-json.ts';
import {
  referenceColumnsDdl,
  referenceLine,
  referenceTables,
  type ReferenceTable,
} from '../schema/reference-tables.ts';

/** The loading of one reference file by one run. `name` is its checkpoint's. */
export interface ReferenceStaging extends Staging {
  readonly table: ReferenceTable;
  /** Where its rows go: a staging table, or the shadow of a monthly. */
  readonly target: LoadTarget;
}

/** A reference file whose rows are all loaded. */
export interface StagedReference {
  readonly name: string;
  readonly table: ReferenceTable;
  readonly soFar: StagedSoFar;
}

/** The name of the checkpoint and of the staging table. It is the same for every attempt of the run. */
export const referenceStage = (runId: string, fileName: string, { file }: ReferenceTable): string =>
  `${stagingName(runId, fileName)}_${file}`;

/** Creates the staging of a weekly's reference file, unless this run has one already. */
export async function openReferenceStaging(
  session: Session,
  {
    runId,
    fileName,
    table,
  }: { readonly runId: string; readonly fileName: string; readonly table: ReferenceTable },
): Promise<ReferenceStaging> {
  const name = referenceStage(runId, fileName, table);
  const charset = `DEFAULT CHARACTER SET utf8mb4 COLLATE ${(await collationsOf(session)).nearest}`;
  const staging = await openTables(session, { name, runId, fileName }, [
    `CREATE TABLE IF NOT EXISTS ${name} (\n${referenceColumnsDdl(table).join(',\n')},\n  PRIMARY KEY (npi, row_no)) ${charset}`,
    `CREATE TABLE IF NOT EXISTS ${name}_plan (npi BIGINT NOT NULL PRIMARY KEY, is_stale BOOLEAN NOT NULL) ${charset}`,
  ]);
  return { ...staging, table, target: { table: name, columns: referenceLine(table) } };
}

/**
 * Loads one block of a reference file and moves the checkpoint in the same transaction. `lease` is absent in a dry run.
 * @throws DbError FencedOut when a newer attempt holds the lease
 */
export function stageReferences(
  session: Session,
  { name, target }: ReferenceStaging,
  { tsv, soFar }: { readonly tsv: Buffer; readonly soFar: StagedSoFar },
  { lease, isLocal }: { readonly lease: Lease | undefined; readonly isLocal: boolean },
): Promise<void> {
  return session.transaction(async () => {
    if (lease) await fence(session, lease);
    if (tsv.length > 0) await loadLines(session, target, [tsv], isLocal);
    await moveCheckpoint(session, name, { staged: soFar });
  });
}

/** The reference files of a release that this run has staged to their end. */
export async function stagedReferences(
  session: Session,
  runId: string,
  fileName: string,
): Promise<StagedReference[]> {
  const found: StagedReference[] = [];
  for (const table of referenceTables) {
    const name = referenceStage(runId, fileName, table);
    const { isWhole, soFar } = await readStaging(session, name);
    if (isWhole && soFar) found.push({ name, table, soFar });
  }
  return found;
}

/** Keeps the first of rows that are byte-identical. @returns how many others it deleted from `place` */
export async function removeDuplicates(
  session: Session,
  place: string,
  { columns }: ReferenceTable,
): Promise<number> {
  const texts = columns.slice(1).map(({ name }) => name);
  // One text for all fields, which no other fields can give. Sorting digests takes less memory than sorting rows.
  const digest = `SHA2(JSON_ARRAY(${texts.join(', ')}), 256)`;
  const { affectedRows } = await session.run(
    `DELETE r FROM (
       SELECT npi, row_no, ROW_NUMBER() OVER (PARTITION BY npi, ${digest} ORDER BY row_no) AS place FROM ${place}
     ) ranked STRAIGHT_JOIN ${place} r ON r.npi = ranked.npi AND r.row_no = ranked.row_no
     WHERE ranked.place > 1`,
    [],
    `removing duplicates from ${place}`,
  );
  return affectedRows;
}
