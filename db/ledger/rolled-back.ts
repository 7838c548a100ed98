import { asc, eq, getTableColumns } from 'drizzle-orm';
import type { Session } from '../connection/session.ts';
import { rollbackTable } from '../schema/schema.ts';
import type { PublishedFile } from './releases.ts';

/** A release that is taken back; times are UTC. */
export interface RolledBack {
  readonly releaseId: number;
  readonly fileName: string;
  readonly rolledBackAt: string;
}

/** The releases that are taken back and can come forward again, oldest first. While there is one, nothing is loaded. */
export function pendingRollbacks(session: Session): Promise<RolledBack[]> {
  const { releaseId, fileName, rolledBackAt } = rollbackTable;
  return session.orm((db) =>
    db
      .select({ releaseId, fileName, rolledBackAt })
      .from(rollbackTable)
      .where(eq(rollbackTable.isFinal, false))
      .orderBy(asc(releaseId)),
  );
}

const { rolledBackAt: _at, isFinal: _final, ...fileFields } = getTableColumns(rollbackTable);

/** The releases that were given up after they had been taken back, in release order. */
export function givenUpFiles(session: Session): Promise<PublishedFile[]> {
  return session.orm((db) =>
    db
      .select(fileFields)
      .from(rollbackTable)
      .where(eq(rollbackTable.isFinal, true))
      .orderBy(asc(rollbackTable.releaseId)),
  );
}

/** Every release that is taken back or was given up. */
export function rolledBackFiles(session: Session): Promise<PublishedFile[]> {
  return session.orm((db) => db.select(fileFields).from(rollbackTable));
}
