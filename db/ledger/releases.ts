import { and, between, desc, eq, gt, gte, max, sql } from 'drizzle-orm';
import type { PublishReport, ReleaseFile } from '../schema/ledger-json.ts';
import { fence, type Lease } from './lease.ts';
import { releaseTable, supersededTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';

/** A published file as the ledger records it; dates are ISO. */
export interface PublishedFile extends Omit<ReleaseFile, 'etag'> {
  readonly releaseId: number;
  readonly etag: string | null;
  readonly publishedAt: string;
}

const { releaseId, fileName, sha256, published } = releaseTable;
const fields = {
  releaseId,
  fileName,
  kind: releaseTable.kind,
  layout: releaseTable.layout,
  periodStart: releaseTable.periodStart,
  periodEnd: releaseTable.periodEnd,
  sha256,
  etag: releaseTable.etag,
  sizeBytes: releaseTable.sizeBytes,
  publishedAt: releaseTable.publishedAt,
};

const hasContent = (file: { readonly fileName: string; readonly sha256: string }) =>
  and(eq(fileName, file.fileName), eq(sha256, file.sha256));

/** Every published file, in release order. */
export function publishedFiles(session: Session): Promise<PublishedFile[]> {
  return session.orm((db) => db.select(fields).from(releaseTable).orderBy(releaseId));
}

/** Whether this service had the zip of a published file. It never had those of the releases that an adoption recorded. */
export const hasZip = ({ sizeBytes }: Pick<PublishedFile, 'sizeBytes'>): boolean => sizeBytes > 0;

/** What a run published, in release order. */
export function publishedBy(session: Session, runId: string): Promise<PublishedFile[]> {
  return session.orm((db) =>
    db.select(fields).from(releaseTable).where(eq(releaseTable.runId, runId)).orderBy(releaseId),
  );
}

/** The published file with this name and content, if any. Updates its ETag to the one that the page sends now. */
export async function findPublished(
  session: Session,
  file: { readonly fileName: string; readonly sha256: string; readonly etag?: string },
): Promise<PublishedFile | undefined> {
  const [found] = await session.orm((db) => db.select(fields).from(releaseTable).where(hasContent(file)));
  if (found && file.etag !== undefined && file.etag !== found.etag) {
    await session.orm((db) =>
      db.update(releaseTable).set({ etag: file.etag }).where(eq(releaseId, found.releaseId)),
    );
  }
  return found;
}

/** The report of the publish of this name and content, if it is published. */
export async function publishReport(
  session: Session,
  file: { readonly fileName: string; readonly sha256: string },
): Promise<PublishReport | undefined> {
  const [found] = await session.orm((db) =>
    db.select({ published }).from(releaseTable).where(hasContent(file)),
  );
  return found?.published;
}

/** The releases after this one, in release order. */
export function releasesAfter(
  session: Session,
  id: number,
): Promise<{ readonly releaseId: number; readonly kind: string; readonly published: PublishReport }[]> {
  return session.orm((db) =>
    db
      .select({ releaseId, kind: releaseTable.kind, published })
      .from(releaseTable)
      .where(gt(releaseId, id))
      .orderBy(releaseId),
  );
}

/** Records a published file in the ledger. */
export async function recordRelease(
  session: Session,
  release: Omit<typeof releaseTable.$inferInsert, 'publishedAt'>,
): Promise<void> {
  await session.orm((db) => db.insert(releaseTable).values({ ...release, publishedAt: sql`NOW(6)` }));
}

/** Records weeklies that a baseline already contains, so that they do not count as a gap. */
export async function noteSuperseded(
  session: Session,
  lease: Lease,
  supersededBy: number,
  releases: ReadonlyArray<{ readonly fileName: string; readonly periodEnd: string }>,
): Promise<void> {
  if (releases.length === 0) return;
  const rows = releases.map((release) => ({
    fileName: release.fileName,
    periodEnd: release.periodEnd,
    supersededBy,
    notedAt: sql`NOW(6)`,
  }));
  await session.transaction(async () => {
    await fence(session, lease);
    await session.orm((db) => db.insert(supersededTable).ignore().values(rows));
  });
}

const kindDigits: Readonly<Record<string, number>> = { weekly: 0, monthly: 1, deactivation: 2 };

/** The published monthly that contains all days up to this one, if any. */
export async function monthlyHolding(
  session: Session,
  periodEnd: string,
): Promise<{ readonly releaseId: number; readonly fileName: string } | undefined> {
  const [found] = await session.orm((db) =>
    db
      .select({ releaseId, fileName })
      .from(releaseTable)
      .where(and(eq(releaseTable.kind, 'monthly'), gte(releaseTable.periodEnd, periodEnd)))
      .orderBy(desc(releaseId))
      .limit(1),
  );
  return found;
}

/** Names of the weeklies that a baseline already contains. */
export async function supersededNames(session: Session): Promise<ReadonlySet<string>> {
  const rows = await session.orm((db) => db.select({ name: supersededTable.fileName }).from(supersededTable));
  return new Set(rows.map(({ name }) => name));
}

/** The ID of a release; see `nextReleaseId`. */
export function releaseIdOf(kind: string, periodEnd: string, version = 1): number {
  const day = Number(periodEnd.replaceAll('-', ''));
  return (day * 10 + (kindDigits[kind] ?? 0)) * 1000 + version;
}

/**
 * The ID of a file, which gives the order of the releases: the end of the period, then the kind (weekly, monthly, report),
 * then the version, 1 to 999. A new content of the same release is a new version.
 */
export async function nextReleaseId(session: Session, kind: string, periodEnd: string): Promise<number> {
  const first = releaseIdOf(kind, periodEnd, 0);
  const [row] = await session.orm((db) =>
    db
      .select({ newest: max(releaseId) })
      .from(releaseTable)
      .where(between(releaseId, first, first + 999)),
  );
  return (row?.newest ?? first) + 1;
}

/** Whether the ledger has an entry with this ID. */
export async function isRecorded(session: Session, id: number): Promise<boolean> {
  const rows = await session.orm((db) =>
    db.select({ id: releaseId }).from(releaseTable).where(eq(releaseId, id)),
  );
  return rows.length > 0;
}
