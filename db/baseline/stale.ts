import { classify } from '../registry/classify.ts';
import { npiColumns } from '../schema/npi-columns.ts';
import { planGroups } from '../registry/plan.ts';
import { writePlan } from '../registry/providers.ts';
import { updateSearch } from '../registry/search.ts';
import type { Session } from '../connection/session.ts';
import type { Shadow } from './shadow.ts';

/**
 * Applies stale rows of later weeklies to the shadow again, week by week, because the baseline may have replaced or removed
 * the row that made them stale (contract, rule 2). Call it in a transaction, after the shadow's search tables are complete.
 */
export async function retryStale(session: Session, shadow: Shadow, releaseId: number): Promise<void> {
  const { tables, stage } = shadow;
  const later = await session.query<{ releaseId: number }>(
    'SELECT DISTINCT release_id AS releaseId FROM npi_stale WHERE release_id > ? ORDER BY release_id',
    [releaseId],
  );
  for (const week of later) {
    await session.query(`DELETE FROM ${stage}`);
    await session.query(
      `INSERT INTO ${stage} (row_no, ${npiColumns.map(({ name }) => name).join(', ')})
       SELECT 0, ${npiColumns.map((_, i) => `JSON_UNQUOTE(JSON_EXTRACT(fields, '$[${i}]'))`).join(', ')}
       FROM npi_stale WHERE release_id = ?`,
      [week.releaseId],
    );
    const scope = { tables, stage, releaseId: week.releaseId };
    await classify(session, scope);
    await writePlan(session, scope, await planGroups(session, scope));
    await updateSearch(session, scope);
  }
}
