import type { PublishReport } from '../schema/ledger-json.ts';
import { releaseTable, runTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';

/** What the sums of the ledger say: contract, rule 9, for every published release and its reference files. */
export interface LedgerCheck {
  readonly releases: number;
  /** One text for each sum that is wrong. */
  readonly wrong: readonly string[];
}

/** Adds up the counts of every release, and compares them with the quarantine and the run ledger. */
export async function checkLedger(session: Session): Promise<LedgerCheck> {
  const { releaseId, fileName, runId, sizeBytes, published } = releaseTable;
  const files = await session.orm((db) =>
    db.select({ releaseId, fileName, runId, sizeBytes, published }).from(releaseTable).orderBy(releaseId),
  );
  const runs = new Set(
    (await session.orm((db) => db.select({ id: runTable.runId }).from(runTable))).map(({ id }) => id),
  );
  const quarantined = new Map(
    (
      await session.query<{ releaseId: number; rowCount: number }>(
        'SELECT release_id AS releaseId, COUNT(*) AS rowCount FROM npi_quarantine GROUP BY release_id',
      )
    ).map((row) => [row.releaseId, row.rowCount]),
  );
  const wrong = files.flatMap((file) => {
    const faults = reportFaults(file.published);
    const refused = quarantined.get(file.releaseId) ?? 0;
    if (refused !== file.published.counts.refused)
      faults.push(`${file.published.counts.refused} refused rows, but ${refused} in npi_quarantine`);
    // An adoption records releases of another loader, which had no run.
    if (file.sizeBytes > 0 && !runs.has(file.runId))
      faults.push(`the run ${file.runId} is not in the ledger`);
    return faults.map((fault) => `${file.fileName}: ${fault}`);
  });
  return { releases: files.length, wrong };
}

function reportFaults({ counts, refusedByReason, references = [] }: PublishReport): string[] {
  const { rows, inserted, updated, unchanged, stale, refused, duplicates } = counts;
  const sum = inserted + updated + unchanged + stale + refused + duplicates;
  const byReason = Object.values(refusedByReason).reduce((total, count) => total + count, 0);
  const faults: string[] = [];
  if (sum !== rows) faults.push(`${rows} rows, but the counts add up to ${sum}`);
  if (byReason !== refused) faults.push(`${refused} refused rows, but the reasons add up to ${byReason}`);
  for (const file of references) {
    const total = file.written + file.duplicates + file.stale + file.refused;
    if (total !== file.rows)
      faults.push(`${file.table}: ${file.rows} rows, but the counts add up to ${total}`);
  }
  return faults;
}

/** A text that changes whenever a load changes the tables. */
export async function ledgerMark(session: Session): Promise<string> {
  const [row] = await session.query<{ mark: string }>(
    `SELECT CONCAT_WS(' ', COUNT(*), MAX(published_at), (SELECT GROUP_CONCAT(release_id) FROM npi_live)) AS mark
     FROM npi_release`,
    [],
    'reading the newest release',
  );
  return row?.mark ?? '';
}
