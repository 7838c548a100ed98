import { asc } from 'drizzle-orm';
import { highestNpi, lowestNpi, rangeStatements, rowsOf, type AdoptPlan, type Bounds } from './range.ts';
import { adoptionTables } from './tables.ts';
import { DbError } from '../connection/errors.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import { adoptedCounts, type AdoptedCounts, type RangeChecksum } from '../schema/ledger-json.ts';
import { adoptionRangeTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';

/** Rows of one table in a range. Limits the size of a transaction, and what a kill can lose. */
const rowsPerRange = 20_000;

export interface Pace {
  /** Called before a range is read, outside a transaction. */
  pause(): Promise<void>;
  onStep(step: string, detail: string | number): void;
}

const copiedRanges = (session: Session) =>
  session.orm((db) => db.select().from(adoptionRangeTable).orderBy(asc(adoptionRangeTable.rangeNumber)));

/**
 * Copies the rows, one range of NPIs after another, and continues after the last range that an earlier attempt copied.
 * @returns the sums of the counts of all ranges
 */
export async function copyRanges(
  session: Session,
  plan: AdoptPlan,
  lease: Lease,
  pace: Pace,
): Promise<AdoptedCounts> {
  const ranges = await copiedRanges(session);
  const all = ranges.map(({ counts }) => counts);
  let end = ranges.at(-1)?.toNpi;
  while (end !== highestNpi) {
    await pace.pause();
    const fromNpi: bigint = end === undefined ? lowestNpi : end + 1n;
    end = await endOfRange(session, plan, fromNpi);
    all.push(await copyRange(session, plan, lease, { rangeNumber: all.length, fromNpi, toNpi: end }));
    pace.onStep('copying', sumOf(all).read);
  }
  return sumOf(all);
}

/** The lowest NPI at which one of the tables has filled a range, or the end of all NPIs. */
async function endOfRange(session: Session, { tables }: AdoptPlan, fromNpi: bigint): Promise<bigint> {
  let end = highestNpi;
  for (const table of tables.data) {
    const [row] = await session.query<{ npi: string }>(
      `SELECT CAST(k.npi AS CHAR) AS npi FROM ${rowsOf(table, { fromNpi, toNpi: end })} AND k.npi IS NOT NULL
       ORDER BY k.npi LIMIT 1 OFFSET ${rowsPerRange - 1}`,
    );
    if (row) end = BigInt(row.npi);
  }
  return end;
}

/** Copies and records one range in one transaction. Reads the originals without a lock, so nobody waits. */
async function copyRange(
  session: Session,
  plan: AdoptPlan,
  lease: Lease,
  range: { readonly rangeNumber: number; readonly fromNpi: bigint; readonly toNpi: bigint },
): Promise<AdoptedCounts> {
  await session.query(`TRUNCATE TABLE ${adoptionTables(plan.schemas).stage}`);
  return session.transaction(async () => {
    await fence(session, lease);
    // Before the rows are read: a change in between is in the copy but not in the sum, so it counts as a change later.
    const checksums = await checksumsOf(session, plan, range);
    const counts = await runStatements(session, plan, range);
    await session.orm((db) => db.insert(adoptionRangeTable).values({ ...range, checksums, counts }));
    return counts;
  });
}

async function runStatements(session: Session, plan: AdoptPlan, bounds: Bounds): Promise<AdoptedCounts> {
  const counts = sumOf([]);
  for (const { what, sql, counts: counted } of rangeStatements(plan, bounds)) {
    const { affectedRows } = await session.run(sql, [], what);
    if (counted !== undefined) counts[counted] += affectedRows;
  }
  const { read, refused, duplicates, stubs, individuals, organizations } = counts;
  const accounted = refused + duplicates + stubs + individuals + organizations;
  if (accounted !== read)
    throw new DbError('CountsDiffer', `Read ${read} rows of a range, but its counts add up to ${accounted}.`);
  return counts;
}

function sumOf(all: readonly AdoptedCounts[]): AdoptedCounts {
  const sum = (name: (typeof adoptedCounts)[number]) =>
    all.reduce((total, counts) => total + counts[name], 0);
  return Object.fromEntries(adoptedCounts.map((name) => [name, sum(name)])) as AdoptedCounts;
}

/** The current number and sum of a range's rows in each of the three tables. */
async function checksumsOf(
  session: Session,
  { tables }: AdoptPlan,
  bounds: Bounds,
): Promise<RangeChecksum[]> {
  const sums: RangeChecksum[] = [];
  for (const table of tables.data) {
    const stored = table.found.columns.filter(({ isGenerated }) => !isGenerated);
    // A NULL and an empty text give different results.
    const values = stored.map(({ name }) => `COALESCE(k.\`${name}\`, CHAR(2))`);
    const found = await session.query<RangeChecksum>(
      `SELECT COUNT(*) AS \`rows\`, CAST(COALESCE(SUM(CRC32(CONCAT_WS(CHAR(1), ${values.join(', ')}))), 0) AS CHAR) AS sum
       FROM ${rowsOf(table, bounds)}`,
      [],
      `comparing ${table.original} with its copy`,
    );
    sums.push(...found);
  }
  return sums;
}

/** Whether the originals are as they were copied. Compares every range, those of earlier attempts too. */
export async function areUnchanged(session: Session, plan: AdoptPlan, pace: Pace): Promise<boolean> {
  const ranges = await copiedRanges(session);
  for (const [at, range] of ranges.entries()) {
    await pace.pause();
    pace.onStep('comparing with the originals', `range ${at + 1} of ${ranges.length}`);
    const now = await checksumsOf(session, plan, range);
    const isSame = now.every(({ rows, sum }, type) => {
      const copied = range.checksums[type];
      return rows === copied?.rows && sum === copied.sum;
    });
    if (!isSame) return false;
  }
  return true;
}
