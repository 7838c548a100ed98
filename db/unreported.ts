import { dateKey, isDeactivated } from './dates.ts';
import { fence, type Lease } from './lease.ts';
import type { Session } from './session.ts';
import { dayKey } from './stubs.ts';
import type { NpiTables } from './tables.ts';

/** How many providers are deactivated here and absent from the last deactivation report. */
export async function countUnreported(session: Session): Promise<number> {
  const [row] = await session.query<{ npis: number }>('SELECT COUNT(*) AS npis FROM npi_unreported');
  return row?.npis ?? 0;
}

/**
 * Notes the providers that are deactivated here and absent from a published deactivation report, in the place of those that
 * the last one left; what releases after the report say, or what is dated after it, is not held against it. Reads all providers, which takes as long
 * as their pages take to come, so it stands outside of the publish.
 * @returns how many there are; nothing when the report is not the newest one, which alone can tell
 * @throws DbError FencedOut
 */
export async function noteUnreported(
  session: Session,
  live: NpiTables,
  lease: Lease,
  file: { readonly fileName: string; readonly sha256: string },
): Promise<number | undefined> {
  const [newest] = await session.query<{ releaseId: number; fileName: string; sha256: string }>(
    `SELECT release_id AS releaseId, file_name AS fileName, sha256 FROM npi_release
     WHERE kind = 'deactivation' ORDER BY release_id DESC LIMIT 1`,
  );
  if (newest?.fileName !== file.fileName || newest.sha256 !== file.sha256) return undefined;
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
        [newest.releaseId, newest.releaseId, newest.releaseId, newest.releaseId],
      );
      count += affectedRows;
    }
    return count;
  });
}
