import { dateKey } from './dates.ts';
import type { PublishScope } from './publish-scope.ts';
import type { Session } from '../connection/session.ts';

/** The digit of a release ID that stands for its kind; see `nextReleaseId`. */
const kindDigit = (releaseId: string) => `(${releaseId} DIV 1000) % 10`;
const reportDigit = 2;

/** The day in a release ID, in the form of `dateKey`. */
export const dayKey = (releaseId: string) =>
  `CONCAT(LEFT(${releaseId}, 6), '/', SUBSTRING(${releaseId}, 7, 2))`;

/** Whether a stub is stale because it comes from a deactivation report and the row was updated after the report's day. */
export function isOvertaken(releaseId: string, lastUpdate: string): string {
  return `(${kindDigit(releaseId)} = ${reportDigit} AND ${dateKey(lastUpdate)} > ${dayKey(releaseId)})`;
}

/**
 * SQL for the last stub after a release that applies to a full row: the row was not reactivated on or after its date, and
 * not updated after the report that lists it (contract, rule 4). `row` is an alias of a table with the loaded columns.
 */
export function lastStubFor(row: string, releaseId: number): string {
  const reactivation = dateKey(`${row}.npi_reactivation_date`);
  return `(SELECT MAX(l.release_id) FROM npi_stub l WHERE l.npi = ${row}.npi AND l.release_id > ${releaseId}
    AND (${reactivation} = '' OR ${reactivation} < ${dateKey('l.deactivation_date')})
    AND NOT ${isOvertaken('l.release_id', `${row}.last_update_date`)})`;
}

/** Keeps the stubs of a release, including stale ones, because a full row that arrives late needs the stubs after it. */
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
 * Keeps only the last of the equal entries that each report repeats, because it has the same effect on a late row as the
 * earlier ones. Otherwise every report would add 355,000 rows.
 */
async function dropRepeated(session: Session): Promise<void> {
  await session.query(
    `DELETE t FROM npi_stub t JOIN npi_stub later ON later.npi = t.npi AND later.release_id > t.release_id
       AND later.deactivation_date = t.deactivation_date AND ${kindDigit('later.release_id')} = ${reportDigit}
     WHERE ${kindDigit('t.release_id')} = ${reportDigit}`,
  );
}
