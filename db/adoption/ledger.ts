import { eq } from 'drizzle-orm';
import { adoptionTables, tablesIn } from './tables.ts';
import type { AdoptPlan } from './range.ts';
import { isDeactivated } from '../registry/dates.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import { beginHistory } from '../registry/history.ts';
import { enterRefused } from '../registry/quarantine.ts';
import type { PublishReport, ReleaseFile } from '../schema/ledger-json.ts';
import { nextReleaseId, publishedFiles, recordRelease, releaseIdOf } from '../ledger/releases.ts';
import { releaseTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** A release as its file name describes it; dates are ISO. */
type NamedRelease = Omit<ReleaseFile, 'sha256' | 'sizeBytes' | 'etag'>;

/** The release of a file that an earlier loader logged; undefined when the name is not a release. */
export type ParseLogged = (name: string) => NamedRelease | undefined;

/** The ID of the last release that the log lists; null when it lists none. */
export function lastLogged({ releases }: Logged): number | null {
  const last = releases.map(({ kind, periodEnd }) => releaseIdOf(kind, periodEnd));
  return last.length === 0 ? null : Math.max(...last);
}

/** A release that `npi_update_log` lists as loaded. */
interface LoggedRelease extends NamedRelease {
  readonly member: string;
  readonly typeRows?: readonly [number, number, number];
}

/** The log of an earlier loader. */
export interface Logged {
  /** Each release once, in the order of their periods. */
  readonly releases: readonly LoggedRelease[];
  /** Lines whose file name is not a release. */
  readonly unknownCount: number;
}

/** Reads the loaded releases from the names in `npi_update_log`. The last line wins when a file was logged twice. */
export async function readLogged(session: Session, schemas: Schemas, parse: ParseLogged): Promise<Logged> {
  const place = `${schemas.application}.npi_update_log`;
  if (!(await tablesIn(session, [schemas.application])).includes(place))
    return { releases: [], unknownCount: 0 };
  const lines = await session.query<{ name: string; typeRows: LoggedRelease['typeRows'] | null }>(
    `SELECT COALESCE(filename_processed, '') AS name, IF(total_0_rows + total_1_rows + total_2_rows IS NULL, NULL,
       JSON_ARRAY(total_0_rows, total_1_rows, total_2_rows)) AS typeRows FROM ${place} ORDER BY execution_ts`,
  );
  const byName = new Map<string, LoggedRelease>();
  let unknownCount = 0;
  for (const { name, typeRows } of lines) {
    const release = parse(name);
    if (release === undefined) unknownCount += 1;
    else
      byName.set(release.fileName, { ...release, member: name.slice(-120), ...(typeRows && { typeRows }) });
  }
  const releases = Array.from(byName.values()).sort((a, b) => (a.periodEnd < b.periodEnd ? -1 : 1));
  return { releases, unknownCount };
}

// The zip is no longer known. No content has this digest, and the size 0 means unknown, so nppes/page/due.ts treats a listed
// file of the same name as loaded.
const unknownContent = { sha256: '0'.repeat(64), sizeBytes: 0 };
const adoptedRelease = 0;

/**
 * Records, in one transaction, the refused rows under release 0 and the logged releases that the ledger lacks. Records each
 * deactivated provider as a stub of the last release, because an older monthly must not activate it again.
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
    if (lastRelease !== null) {
      await beginHistory(session, lastRelease);
      await keepDeactivated(session, data, lastRelease);
    }
    // An earlier attempt may have recorded them already.
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
  for (const type of [0, 1, 2] as const) {
    await session.query(
      `INSERT INTO npi_version (npi, release_id, kind, stub_date)
       SELECT k.npi, ?, 'stale', k.npi_deactivation_date FROM ${data(type)} k WHERE ${isDeactivated('k')}`,
      [releaseId],
    );
  }
}

/** What the earlier loader did with each row is unknown, so all of them count as unchanged. */
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
