import { and, eq, lt, sql } from 'drizzle-orm';
import { historyTable, releaseTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';

/** The release with which the history begins; undefined if nothing is missing from it. */
export async function historySince(session: Session): Promise<number | undefined> {
  const [row] = await session.orm((db) => db.select().from(historyTable));
  return row?.sinceRelease;
}

/** Whether the versions tell what was there after this release. */
export async function historyReaches(session: Session, releaseId: number): Promise<boolean> {
  return ((await historySince(session)) ?? 0) <= releaseId;
}

/**
 * Whether the history begins with this monthly: it is the first one. To record each of ten million providers as new says
 * nothing.
 */
export async function beginsHistory(session: Session, monthly: number): Promise<boolean> {
  const earlier = await session.orm((db) =>
    db
      .select({ id: releaseTable.releaseId })
      .from(releaseTable)
      .where(and(eq(releaseTable.kind, 'monthly'), lt(releaseTable.releaseId, monthly)))
      .limit(1),
  );
  return earlier.length === 0;
}

/** Begins the history with a release: forgets the versions of it and of earlier ones. */
export async function beginHistory(session: Session, releaseId: number): Promise<void> {
  await session.query('DELETE FROM npi_version WHERE release_id <= ?', [releaseId]);
  await setBeginning(session, releaseId);
}

/** Says that the history begins with a release. Deletes no version. */
export async function setBeginning(session: Session, releaseId: number): Promise<void> {
  await session.orm((db) => db.delete(historyTable));
  await session.orm((db) => db.insert(historyTable).values({ sinceRelease: sql`${releaseId}` }));
}

/**
 * What the history needs on the server's disk, as the server estimates it. Space that deleted versions left inside the pages of
 * the table counts too.
 */
export async function historyBytes(session: Session): Promise<number> {
  // MySQL answers with what it saw up to a day ago, unless this is 0. MariaDB has no such variable, and always looks.
  const expiry = 'information_schema_stats_expiry';
  const hasExpiry = (await session.query(`SHOW SESSION VARIABLES LIKE '${expiry}'`)).length > 0;
  if (hasExpiry) await session.query(`SET SESSION ${expiry} = 0`);
  // A decimal of the server arrives as text.
  const [found] = await session.query<{ bytes: string | number | null }>(
    `SELECT data_length + index_length AS bytes FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_name = 'npi_version'`,
  );
  if (hasExpiry) await session.query(`SET SESSION ${expiry} = DEFAULT`);
  return Number(found?.bytes ?? 0);
}
