import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import type { ReferenceCounts, ReleaseFile, StagedSoFar } from '../schema/ledger-json.ts';
import { liveReference, type Schemas } from '../schema/tables.ts';
import { referenceLine } from '../schema/reference-tables.ts';
import type { PublishScope } from './publish-scope.ts';
import { removeDuplicates, stagedReferences, type StagedReference } from './reference-staging.ts';

/**
 * Writes the reference files that the run has staged with a weekly to their tables, inside the publish transaction and after the providers. A file has
 * all rows of each provider that it names. A provider whose full row is applied and whom the file does not name has no rows
 * any more. Rows of a provider whose full row is stale, or whose known rows come from a later release, are stale too.
 */
export async function applyReferences(
  session: Session,
  schemas: Schemas,
  scope: PublishScope,
  { runId, file }: { readonly runId: string; readonly file: Pick<ReleaseFile, 'fileName'> },
): Promise<ReferenceCounts[]> {
  const counts: ReferenceCounts[] = [];
  for (const reference of await stagedReferences(session, runId, file.fileName))
    counts.push(await applyReference(session, schemas, scope, reference));
  return counts;
}

async function applyReference(
  session: Session,
  schemas: Schemas,
  scope: PublishScope,
  { name, table, soFar }: StagedReference,
): Promise<ReferenceCounts> {
  const { releaseId } = scope;
  const live = liveReference(schemas, table);
  const duplicates = await removeDuplicates(session, name, table);
  await planProviders(session, scope, { stage: name, live });
  await session.query(
    `DELETE k FROM ${name}_plan p STRAIGHT_JOIN ${live} k ON k.npi = p.npi WHERE p.is_stale = FALSE`,
  );
  const columns = referenceLine(table);
  const { affectedRows: written } = await session.run(
    `INSERT INTO ${live} (${columns.join(', ')}, data_release)
     SELECT ${columns.map((column) => `s.${column}`).join(', ')}, ?
     FROM ${name}_plan p STRAIGHT_JOIN ${name} s ON s.npi = p.npi WHERE p.is_stale = FALSE`,
    [releaseId],
  );
  const [row] = await session.query<{ stale: number }>(
    `SELECT COUNT(*) AS stale FROM ${name}_plan p STRAIGHT_JOIN ${name} s ON s.npi = p.npi WHERE p.is_stale = TRUE`,
  );
  return countedReference(table.name, soFar, { written, duplicates, stale: row?.stale ?? 0 });
}

/** The providers whose rows this file decides about. `_later` has what releases after a late one brought. */
async function planProviders(
  session: Session,
  { tables, stage: providers, releaseId }: PublishScope,
  { stage, live }: { readonly stage: string; readonly live: string },
): Promise<void> {
  const known = 'COALESCE(k.data_release, o.data_release)';
  await session.query(`DELETE FROM ${stage}_plan`);
  await session.query(
    `INSERT INTO ${stage}_plan (npi, is_stale)
     SELECT f.npi, IF(f.is_full, NOT ${known} <=> ?,
         COALESCE(${known}, 0) > ? OR EXISTS (SELECT 1 FROM ${live} r WHERE r.npi = f.npi AND r.data_release > ?))
       OR EXISTS (SELECT 1 FROM ${providers}_later l WHERE l.npi = f.npi AND l.entity_type_code <> '')
     FROM (SELECT npi, MAX(is_full) AS is_full FROM (
         SELECT npi, TRUE AS is_full FROM ${providers} WHERE entity_type_code <> ''
         UNION ALL SELECT DISTINCT npi, FALSE FROM ${stage}) named GROUP BY npi) f
       LEFT JOIN ${tables.data(1)} k ON k.npi = f.npi
       LEFT JOIN ${tables.data(2)} o ON o.npi = IF(k.npi IS NULL, f.npi, NULL)`,
    [releaseId, releaseId, releaseId],
  );
}

/** Contract, rule 9: every row of the file is in exactly one count. @throws DbError CountsDiffer */
export function countedReference(
  table: string,
  { member, rows, stagedRows }: StagedSoFar,
  { written, duplicates, stale }: Pick<ReferenceCounts, 'written' | 'duplicates' | 'stale'>,
): ReferenceCounts {
  const refused = rows - stagedRows;
  const accounted = written + duplicates + stale + refused;
  if (accounted === rows) return { table, rows, written, duplicates, stale, refused };
  throw new DbError('CountsDiffer', `${member} has ${rows} rows, but its counts add up to ${accounted}.`);
}
