import { fence, type Lease } from '../ledger/lease.ts';
import { publishedFiles } from '../ledger/releases.ts';
import { pendingRollbacks } from '../ledger/rolled-back.ts';
import { historySince, setBeginning } from '../registry/history.ts';
import type { Session } from '../connection/session.ts';

/** What the history no longer keeps: the versions of `beginning` and of the releases before it. */
export interface SurplusHistory {
  /** The release with which the history begins from then on. */
  readonly beginning: number;
  readonly fileName: string;
  /**
   * The newest deactivation report among these releases, which keeps its versions: they tell which providers it names
   * (db/registry/unreported.ts). 0 if there is none.
   */
  readonly report: number;
}

/**
 * What is older than `keepMs` before the end of the newest release's period; undefined if nothing is. The clock does not
 * count: while no release comes, nothing is deleted. While a release is taken back, everything is kept.
 */
export async function surplusHistory(session: Session, keepMs: number): Promise<SurplusHistory | undefined> {
  const files = await publishedFiles(session);
  const newestEnd = Date.parse(files.at(-1)?.periodEnd ?? '');
  const old = files.filter(({ periodEnd }) => Date.parse(periodEnd) < newestEnd - keepMs);
  const last = old.at(-1);
  if (last === undefined || (await pendingRollbacks(session)).length > 0) return undefined;
  const report = old.findLast(({ kind }) => kind === 'deactivation')?.releaseId ?? 0;
  const surplus = { beginning: last.releaseId, fileName: last.fileName, report };
  const found = await session.query(`SELECT 1 FROM npi_version WHERE ${isSurplus} LIMIT 1`, ids(surplus));
  return found.length === 0 ? undefined : surplus;
}

/** How many versions that are. */
export async function countSurplus(session: Session, surplus: SurplusHistory): Promise<number> {
  const [found] = await session.query<{ versions: number }>(
    `SELECT COUNT(*) AS versions FROM npi_version WHERE ${isSurplus}`,
    ids(surplus),
  );
  return found?.versions ?? 0;
}

// Not the negative IDs, which a rollback uses.
const isSurplus = 'release_id > 0 AND release_id <= ? AND release_id <> ?';
const ids = ({ beginning, report }: SurplusHistory) => [beginning, report];

/** How many versions one transaction deletes. */
export const versionsPerBatch = 1000;

/**
 * Deletes a batch of the versions, in one transaction. The first batch moves the beginning, so that the history is correct
 * after each of them, and the next run can delete the rest.
 * @returns how many were deleted; fewer than `versionsPerBatch` when none is left
 * @throws DbError FencedOut
 */
export function forgetBatch(session: Session, lease: Lease, surplus: SurplusHistory): Promise<number> {
  return session.transaction(async () => {
    await fence(session, lease);
    // An adoption or a rebuild may have begun the history with a later release.
    if (((await historySince(session)) ?? 0) < surplus.beginning)
      await setBeginning(session, surplus.beginning);
    const { affectedRows } = await session.run(
      `DELETE FROM npi_version WHERE ${isSurplus} ORDER BY release_id, npi LIMIT ${versionsPerBatch}`,
      ids(surplus),
    );
    return affectedRows;
  });
}
