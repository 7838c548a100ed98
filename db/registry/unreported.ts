import { dateKey, isDeactivated } from './dates.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import type { PublishScope } from './publish-scope.ts';
import type { Session } from '../connection/session.ts';
import { dayKey } from './stubs.ts';
import type { NpiTables } from '../schema/tables.ts';

/** How many providers are deactivated here and absent from the last deactivation report. */
export async function countUnreported(session: Session): Promise<number> {
  const [row] = await session.query<{ npis: number }>('SELECT COUNT(*) AS npis FROM npi_unreported');
  return row?.npis ?? 0;
}

/** A provider of which a later release tells something is not held against the report any more. */
export async function forgetUnreported(session: Session, { stage }: PublishScope): Promise<void> {
  await session.query(
    `DELETE u FROM npi_unreported u STRAIGHT_JOIN ${stage}_plan p ON p.npi = u.npi WHERE p.action IN ('insert', 'update')`,
  );
}

/** All of them, where a baseline is later than the report. */
export async function forgetAllUnreported(session: Session, releaseId: number): Promise<void> {
  await session.query(
    `DELETE FROM npi_unreported WHERE NOT EXISTS (
       SELECT 1 FROM npi_release r WHERE r.kind = 'deactivation' AND r.release_id > ?)`,
    [releaseId],
  );
}

/**
 * Notes the providers that are deactivated here and absent from the newest deactivation report, in the place of those that
 * are noted; what releases after the report say, or what is dated after it, is not held against it. Reads all providers,
 * which takes as long as their pages take to come, so it stands outside of the publish.
 * @returns how many there are
 * @throws DbError FencedOut
 */
export async function noteUnreported(session: Session, live: NpiTables, lease: Lease): Promise<number> {
  const [newest] = await session.query<{ releaseId: number }>(
    "SELECT MAX(release_id) AS releaseId FROM npi_release WHERE kind = 'deactivation'",
  );
  const releaseId = newest?.releaseId ?? 0;
  return session.transaction(async () => {
    await fence(session, lease);
    await session.query('DELETE FROM npi_unreported');
    let count = 0;
    for (const type of [0, 1, 2] as const) {
      const { affectedRows } = await session.run(
        `INSERT INTO npi_unreported (npi)
         SELECT k.npi FROM ${live.data(type)} k LEFT JOIN npi_stub t ON t.npi = k.npi AND t.release_id = ?
         WHERE t.npi IS NULL AND ${isDeactivated('k')} AND ${dateKey('k.npi_deactivation_date')} <= ${dayKey('?')}
           AND GREATEST(COALESCE(k.data_release, 0), COALESCE(k.deactivation_release, 0)) <= ?`,
        [releaseId, releaseId, releaseId, releaseId],
      );
      count += affectedRows;
    }
    return count;
  });
}
