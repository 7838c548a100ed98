import { dateKey, dayKey, isDeactivated } from './dates.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import type { PublishScope } from './publish-scope.ts';
import { lastReleaseOf } from './versions.ts';
import type { Session } from '../connection/session.ts';
import type { NpiTables } from '../schema/tables.ts';

/** Number of providers that are deactivated here and absent from the newest deactivation report. */
export async function countUnreported(session: Session): Promise<number> {
  const [row] = await session.query<{ npis: number }>('SELECT COUNT(*) AS npis FROM npi_unreported');
  return row?.npis ?? 0;
}

/** Removes providers that this release changes: the earlier report no longer applies to them. */
export async function forgetUnreported(session: Session, { stage }: PublishScope): Promise<void> {
  await session.query(
    `DELETE u FROM npi_unreported u STRAIGHT_JOIN ${stage}_plan p ON p.npi = u.npi WHERE p.action IN ('insert', 'update')`,
  );
}

/** Removes all of them if the baseline is later than the newest report. */
export async function forgetAllUnreported(session: Session, releaseId: number): Promise<void> {
  await session.query(
    `DELETE FROM npi_unreported WHERE NOT EXISTS (
       SELECT 1 FROM npi_release r WHERE r.kind = 'deactivation' AND r.release_id > ?)`,
    [releaseId],
  );
}

/**
 * Records the providers that are deactivated here and absent from the newest deactivation report, and removes the earlier
 * records. Ignores rows from releases after the report, and deactivations dated after it. Reads all providers, so it runs
 * outside the publish.
 * @returns how many there are
 * @throws DbError FencedOut
 */
export async function noteUnreported(session: Session, live: NpiTables, lease: Lease): Promise<number> {
  const [newest] = await session.query<{ releaseId: number | null }>(
    "SELECT MAX(release_id) AS releaseId FROM npi_release WHERE kind = 'deactivation'",
  );
  const releaseId = newest?.releaseId;
  if (typeof releaseId !== 'number') return 0;
  return session.transaction(async () => {
    await fence(session, lease);
    await session.query('DELETE FROM npi_unreported');
    let count = 0;
    for (const type of [0, 1, 2] as const) {
      const { affectedRows } = await session.run(
        `INSERT INTO npi_unreported (npi)
         SELECT k.npi FROM ${live.data(type)} k LEFT JOIN npi_version t ON t.npi = k.npi AND t.release_id = ?
         WHERE t.npi IS NULL AND ${isDeactivated('k')} AND ${dateKey('k.npi_deactivation_date')} <= ?
           AND ${lastReleaseOf('k')} <= ?`,
        [releaseId, dayKey(releaseId), releaseId],
      );
      count += affectedRows;
    }
    return count;
  });
}
