import { randomUUID } from 'node:crypto';
import { asc, eq, sql } from 'drizzle-orm';
import { tablesIn } from './tables.ts';
import type { AdoptedCounts, RangeChecksum } from '../schema/ledger-json.ts';
import { adoptionRangeTable, adoptionTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** The adoption that is under way. */
export interface Adoption {
  /** By which the ledger knows what it entered. */
  readonly runId: string;
  readonly shape: string;
}

/** A range that is copied. */
export interface CopiedRange {
  readonly number: number;
  readonly from: string;
  readonly to: string;
  readonly checksums: readonly RangeChecksum[];
  readonly counts: AdoptedCounts;
}

/** The adoption that is under way, if one is. */
export async function readAdoption(session: Session): Promise<Adoption | undefined> {
  const [row] = await session.orm((db) =>
    db.select({ runId: adoptionTable.runId, shape: adoptionTable.shape }).from(adoptionTable),
  );
  return row;
}

/** Notes an adoption whose tables are made. */
export async function openAdoption(session: Session, shape: string): Promise<Adoption> {
  const adoption = { runId: randomUUID(), shape };
  await session.orm((db) => db.insert(adoptionTable).values({ ...adoption, startedAt: sql`NOW(6)` }));
  return adoption;
}

/** The ranges that are copied, in their order. */
export async function copiedRanges(session: Session): Promise<CopiedRange[]> {
  const rows = await session.orm((db) =>
    db.select().from(adoptionRangeTable).orderBy(asc(adoptionRangeTable.rangeNumber)),
  );
  return rows.map(({ rangeNumber, fromNpi, toNpi, checksums, counts }) => ({
    number: rangeNumber,
    from: String(fromNpi),
    to: String(toNpi),
    checksums,
    counts,
  }));
}

/** Notes that a range is copied, in the transaction of its rows. */
export async function noteRange(
  session: Session,
  { number, from, to, checksums, counts }: CopiedRange,
): Promise<void> {
  await session.orm((db) =>
    db.insert(adoptionRangeTable).values({
      rangeNumber: number,
      fromNpi: BigInt(from),
      toNpi: BigInt(to),
      checksums,
      counts,
    }),
  );
}

/** Forgets that a range is copied, in the transaction that takes its rows away. */
export async function forgetRange(session: Session, number: number): Promise<void> {
  await session.orm((db) => db.delete(adoptionRangeTable).where(eq(adoptionRangeTable.rangeNumber, number)));
}

/** Drops the shadows and the stage, and forgets the adoption. After the swap these are its leftovers only. */
export async function dropAdoption(session: Session, { scheduler }: Schemas): Promise<void> {
  // Forgotten first: an adoption that is noted has all its tables.
  const names = (await tablesIn(session, [scheduler])).filter((name) =>
    name.startsWith(`${scheduler}.npi_adopt_`),
  );
  await session.orm((db) => db.delete(adoptionTable));
  await session.orm((db) => db.delete(adoptionRangeTable));
  for (const name of names) await session.query(`DROP TABLE IF EXISTS ${name}`);
}

/** The originals that are kept since the swap. While there is one, the database is adopted. */
export async function keptOriginals(session: Session, { scheduler }: Schemas): Promise<string[]> {
  return (await tablesIn(session, [scheduler])).filter((name) =>
    name.startsWith(`${scheduler}.npi_original_`),
  );
}
