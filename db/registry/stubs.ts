import { dateKey } from './dates.ts';
import type { PublishScope } from './publish-scope.ts';
import type { Session } from '../connection/session.ts';

/** What the number of a release says of it: see `nextReleaseId`. */
const kindDigit = (releaseId: string) => `(${releaseId} DIV 1000) % 10`;
const reportDigit = 2;

/** The day of a release's number as `dateKey` writes it. */
export const dayKey = (releaseId: string) =>
  `CONCAT(LEFT(${releaseId}, 6), '/', SUBSTRING(${releaseId}, 7, 2))`;

/** Whether a deactivation report brought a stub, and a row was updated after the report's day: then it is stale. */
export function isOvertaken(releaseId: string, lastUpdate: string): string {
  return `(${kindDigit(releaseId)} = ${reportDigit} AND ${dateKey(lastUpdate)} > ${dayKey(releaseId)})`;
}

/**
 * The last stub after a release that counts for a full row: the row is not reactivated on or after its date, and not
 * updated after the report that names it (contract, rule 4). An expression of `row`, which holds the loaded columns.
 */
export function lastStubFor(row: string, releaseId: number): string {
  const reactivation = dateKey(`${row}.npi_reactivation_date`);
  return `(SELECT MAX(l.release_id) FROM npi_stub l WHERE l.npi = ${row}.npi AND l.release_id > ${releaseId}
    AND (${reactivation} = '' OR ${reactivation} < ${dateKey('l.deactivation_date')})
    AND NOT ${isOvertaken('l.release_id', `${row}.last_update_date`)})`;
}

/** Keeps the stubs of a release, stale ones too: a full row that arrives late needs those after it. */
export async function keepStubs(session: Session, scope: PublishScope): Promise<void> {
  const { stage, releaseId } = scope;
  await session.query(
    `INSERT INTO npi_stub (npi, release_id, deactivation_date)
     SELECT p.npi, ?, s.npi_deactivation_date FROM ${stage}_plan p STRAIGHT_JOIN ${stage} s ON s.npi = p.npi AND s.row_no = p.row_no
     WHERE p.is_stub = TRUE ON DUPLICATE KEY UPDATE deactivation_date = s.npi_deactivation_date`,
    [releaseId],
  );
  if (scope.isReport) await dropRepeated(session);
}

/**
 * Of an entry that one report after the other repeats the last one is enough: whatever the earlier ones say to a late row,
 * that one says too. Without this every report adds 355,000 lines.
 */
async function dropRepeated(session: Session): Promise<void> {
  await session.query(
    `DELETE t FROM npi_stub t JOIN npi_stub later ON later.npi = t.npi AND later.release_id > t.release_id
       AND later.deactivation_date = t.deactivation_date AND ${kindDigit('later.release_id')} = ${reportDigit}
     WHERE ${kindDigit('t.release_id')} = ${reportDigit}`,
  );
}
