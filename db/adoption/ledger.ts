import { eq } from 'drizzle-orm';
import { adoptionTables, tablesIn } from './tables.ts';
import type { AdoptPlan } from './range.ts';
import { isDeactivated } from '../registry/dates.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import { enterRefused } from '../registry/quarantine.ts';
import type { PublishReport, ReleaseFile } from '../schema/ledger-json.ts';
import { nextReleaseId, publishedFiles, recordRelease, releaseIdOf } from '../ledger/releases.ts';
import { releaseTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** A release as the name of its file tells it; dates are ISO. */
type NamedRelease = Omit<ReleaseFile, 'sha256' | 'sizeBytes' | 'etag'>;

/** Tells the release of a file that an earlier loader logged; undefined for what is none. */
export type ParseLogged = (name: string) => NamedRelease | undefined;

/** The number of the last release that the log names. */
export function lastLogged({ releases }: Logged): number | null {
  const last = releases.map(({ kind, periodEnd }) => releaseIdOf(kind, periodEnd));
  return last.length === 0 ? null : Math.max(...last);
}

/** A release that `npi_update_log` says is loaded. */
export interface LoggedRelease extends NamedRelease {
  readonly member: string;
  readonly typeRows?: readonly [number, number, number];
}

/** What the log of an earlier loader says. */
export interface Logged {
  /** Each once, in the order of their periods. */
  readonly releases: readonly LoggedRelease[];
  /** Lines whose file name stands for no release. */
  readonly unknownCount: number;
}

interface LogLine {
  readonly name: string | null;
  readonly rows0: number | null;
  readonly rows1: number | null;
  readonly rows2: number | null;
}

/** Reads which releases are loaded from the names in `npi_update_log`; of a file that was logged twice the last line. */
export async function readLogged(session: Session, schemas: Schemas, parse: ParseLogged): Promise<Logged> {
  const place = `${schemas.application}.npi_update_log`;
  if (!(await tablesIn(session, [schemas.application])).includes(place))
    return { releases: [], unknownCount: 0 };
  const lines = await session.query<LogLine>(
    `SELECT filename_processed AS name, total_0_rows AS rows0, total_1_rows AS rows1, total_2_rows AS rows2
     FROM ${place} ORDER BY execution_ts`,
  );
  const byName = new Map<string, LoggedRelease>();
  let unknownCount = 0;
  for (const { name, rows0, rows1, rows2 } of lines) {
    const release = parse(name ?? '');
    if (release === undefined) {
      unknownCount += 1;
      continue;
    }
    const typeRows =
      rows0 === null || rows1 === null || rows2 === null ? undefined : ([rows0, rows1, rows2] as const);
    const member = (name ?? '').slice(-120);
    byName.set(release.fileName, { ...release, member, ...(typeRows && { typeRows }) });
  }
  const releases = Array.from(byName.values()).sort((a, b) => (a.periodEnd < b.periodEnd ? -1 : 1));
  return { releases, unknownCount };
}

// Nobody knows the zip any more. No content has this digest, and the size is unknown as well, so that the page's offer of
// the same name is taken as what is loaded (nppes/page/due.ts).
const unknownContent = { sha256: '0'.repeat(64), sizeBytes: 0 };
const adoptedRelease = 0;

/**
 * Enters the refused rows under release 0, the logged releases that the ledger does not have, and as stubs of the last of
 * them who is deactivated: a monthly before it must not bring them back. In one transaction.
 */
export async function writeLedger(
  session: Session,
  { schemas, releaseId: lastRelease }: AdoptPlan,
  lease: Lease,
  { runId, releases }: { readonly runId: string; readonly releases: readonly LoggedRelease[] },
): Promise<void> {
  await session.transaction(async () => {
    await fence(session, lease);
    const { stage, data } = adoptionTables(schemas);
    await enterRefused(session, stage, adoptedRelease);
    if (lastRelease !== null) await keepDeactivated(session, data, lastRelease);
    // A round that came as far as this has entered them already.
    await session.orm((db) => db.delete(releaseTable).where(eq(releaseTable.runId, runId)));
    const known = new Set((await publishedFiles(session)).map(({ fileName }) => fileName));
    for (const release of releases.filter(({ fileName }) => !known.has(fileName))) {
      const { typeRows, ...file } = release;
      const releaseId = await nextReleaseId(session, file.kind, file.periodEnd);
      const published = reportOf(typeRows);
      await recordRelease(session, { ...file, ...unknownContent, releaseId, runId, published });
    }
  });
}

async function keepDeactivated(
  session: Session,
  data: (type: 0 | 1 | 2) => string,
  releaseId: number,
): Promise<void> {
  await session.query('DELETE FROM npi_stub WHERE release_id = ?', [releaseId]);
  for (const type of [0, 1, 2] as const) {
    await session.query(
      `INSERT INTO npi_stub (npi, release_id, deactivation_date)
       SELECT k.npi, ?, k.npi_deactivation_date FROM ${data(type)} k WHERE ${isDeactivated('k')}`,
      [releaseId],
    );
  }
}

/** What an earlier loader did with its rows nobody knows; they are there. */
function reportOf(typeRows: LoggedRelease['typeRows']): PublishReport {
  const rows = typeRows?.reduce((sum, count) => sum + count, 0) ?? 0;
  const nothing = { inserted: 0, updated: 0, stale: 0, deactivated: 0, refused: 0, duplicates: 0 };
  return {
    counts: { rows, unchanged: rows, ...nothing },
    refusedByReason: {},
    search: { written: 0, deleted: 0, tables: 0 },
    indexSeconds: 0,
    ...(typeRows && { typeRows }),
  };
}
