import { randomUUID } from 'node:crypto';
import { asc, eq, sql } from 'drizzle-orm';
import { tablesIn } from './tables.ts';
import type { AdoptedCounts, RangeChecksum } from '../schema/ledger-json.ts';
import { adoptionRangeTable, adoptionTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** An adoption that has started and not swapped yet. */
export interface Adoption {
  /** Identifies the releases that it recorded in the ledger. */
  readonly runId: string;
  readonly shape: string;
}

/** A copied range. */
export interface CopiedRange {
  readonly number: number;
  readonly from: string;
  readonly to: string;
  readonly checksums: readonly RangeChecksum[];
  readonly counts: AdoptedCounts;
}

/** The adoption that has started and not swapped yet, if any. */
export async function readAdoption(session: Session): Promise<Adoption | undefined> {
  const [row] = await session.orm((db) =>
    db.select({ runId: adoptionTable.runId, shape: adoptionTable.shape }).from(adoptionTable),
  );
  return row;
}

/** Records an adoption after its tables are created. */
export async function openAdoption(session: Session, shape: string): Promise<Adoption> {
  const adoption = { runId: randomUUID(), shape };
  await session.orm((db) => db.insert(adoptionTable).values({ ...adoption, startedAt: sql`NOW(6)` }));
  return adoption;
}

/** The copied ranges in their order. */
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

/** Records a copied range, in the transaction that copies its rows. */
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

/** Deletes the record of a range, in the transaction that removes its rows. */
export async function forgetRange(session: Session, number: number): Promise<void> {
  await session.orm((db) => db.delete(adoptionRangeTable).where(eq(adoptionRangeTable.rangeNumber, number)));
}

/** Drops the shadows and the stage, and deletes the record of the adoption. After the swap only the stage is left. */
export async function dropAdoption(session: Session, { scheduler }: Schemas): Promise<void> {
  // The record goes first: a recorded adoption must have all its tables.
  const names = (await tablesIn(session, [scheduler])).filter((name) =>
    name.startsWith(`${scheduler}.npi_adopt_`),
  );
  await session.orm((db) => db.delete(adoptionTable));
  await session.orm((db) => db.delete(adoptionRangeTable));
  for (const name of names) await session.query(`DROP TABLE IF EXISTS ${name}`);
}

/** The originals that the swap kept. While any exists, the database counts as adopted. */
export async function keptOriginals(session: Session, { scheduler }: Schemas): Promise<string[]> {
  return (await tablesIn(session, [scheduler])).filter((name) =>
    name.startsWith(`${scheduler}.npi_original_`),
  );
}
