import { addKeys } from '../schema/table-keys.ts';
import { rangeStatements, rowsOf, type AdoptPlan, type Bounds } from './range.ts';
import { copiedRanges, forgetRange, noteRange, type CopiedRange } from './state.ts';
import { adoptionTables, allTables, type AdoptedTable } from './tables.ts';
import { DbError } from '../connection/errors.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import type { AdoptedCounts, RangeChecksum } from '../schema/ledger-json.ts';
import type { Session } from '../connection/session.ts';

/** Rows of one table in a range: a few seconds of work, the most that a kill can lose. */
const rowsPerRange = 20_000;
const first = '-9223372036854775808';
const last = '9223372036854775807';

/** Called before a range is read, outside a transaction. */
export type BeforeRange = (session: Session) => Promise<void>;

interface Copying {
  readonly lease: Lease;
  readonly before: BeforeRange;
}

/** Copies the remaining rows, one range of NPIs after another. Calls `onRange` for each range, copied ones included. */
export async function copyRanges(
  session: Session,
  plan: AdoptPlan,
  { lease, before }: Copying,
  onRange: (counts: AdoptedCounts) => void,
): Promise<void> {
  const copied = await copiedRanges(session);
  for (const { counts } of copied) onRange(counts);
  let number = copied.length;
  let end = copied.at(-1)?.to;
  while (end !== last) {
    await before(session);
    const from = end === undefined ? first : String(BigInt(end) + 1n);
    end = await endOfRange(session, plan, from);
    onRange(await copyRange(session, plan, lease, { number, from, to: end }));
    number += 1;
  }
}

/** The lowest NPI at which one of the tables has filled a range, or the end of all NPIs. */
async function endOfRange(session: Session, { tables }: AdoptPlan, from: string): Promise<string> {
  const ends: bigint[] = [];
  for (const table of tables.data) {
    const [row] = await session.query<{ npi: string }>(
      `SELECT CAST(k.npi AS CHAR) AS npi FROM ${rowsOf(table, { number: 1, from, to: last })}
       ORDER BY k.npi LIMIT 1 OFFSET ${rowsPerRange - 1}`,
    );
    if (row) ends.push(BigInt(row.npi));
  }
  return ends.length === 0 ? last : String(ends.reduce((least, npi) => (npi < least ? npi : least)));
}

interface Range extends Bounds {
  readonly number: number;
}

/** Copies and records one range in one transaction. Reads the originals without a lock, so nobody waits. */
async function copyRange(
  session: Session,
  plan: AdoptPlan,
  lease: Lease,
  range: Range,
  isKnown = false,
): Promise<AdoptedCounts> {
  await emptyStage(session, plan);
  return session.transaction(async () => {
    await fence(session, lease);
    if (isKnown) await removeRange(session, plan, range);
    // Before the rows are read: a change in between is in the copy but not in the sum, so it counts as a change later.
    const checksums = await checksumsOf(session, plan, range);
    const counts = await run(session, plan, range);
    await noteRange(session, { ...range, checksums, counts });
    return counts;
  });
}

async function emptyStage(session: Session, { schemas }: AdoptPlan): Promise<void> {
  const { stage } = adoptionTables(schemas);
  for (const table of [stage, `${stage}_search`]) await session.query(`TRUNCATE TABLE ${table}`);
}

async function removeRange(session: Session, { schemas, tables }: AdoptPlan, range: Range): Promise<void> {
  for (const { shadow } of allTables(tables))
    await session.query(`DELETE FROM ${shadow} WHERE npi BETWEEN ${range.from} AND ${range.to}`);
  await session.query(`DELETE FROM ${adoptionTables(schemas).stage}_refused WHERE range_no = ?`, [
    range.number,
  ]);
  await forgetRange(session, range.number);
}

async function run(session: Session, plan: AdoptPlan, range: Range): Promise<AdoptedCounts> {
  const counts = {
    read: 0,
    refused: 0,
    duplicates: 0,
    stubs: 0,
    individuals: 0,
    organizations: 0,
    deactivated: 0,
    surgeons: 0,
    facilities: 0,
  };
  for (const { what, sql, counts: counted } of rangeStatements(plan, range)) {
    const { affectedRows } = await session.run(sql, [], what);
    if (counted !== undefined) counts[counted] += affectedRows;
  }
  const { read, refused, duplicates, stubs, individuals, organizations } = counts;
  const accounted = refused + duplicates + stubs + individuals + organizations;
  if (accounted !== read)
    throw new DbError('CountsDiffer', `Read ${read} rows of a range, but its counts add up to ${accounted}.`);
  return { ...counts, filled: await filledValues(session, plan) };
}

/** Values as long as their old column: an earlier loader may have cut them. */
async function filledValues(session: Session, { schemas, tables }: AdoptPlan): Promise<number> {
  const widths = new Map<string, number>();
  for (const { name, width = 0 } of tables.data.flatMap(({ narrow }) => narrow))
    widths.set(name, Math.min(width, widths.get(name) ?? width));
  if (widths.size === 0) return 0;
  const filled = Array.from(widths, ([name, width]) => `SUM(CHAR_LENGTH(s.${name}) >= ${width})`);
  const [row] = await session.query<{ filled: number }>(
    `SELECT CAST(COALESCE(${filled.join(' + ')}, 0) AS UNSIGNED) AS filled FROM ${adoptionTables(schemas).stage} s`,
  );
  return row?.filled ?? 0;
}

/** The current number and sum of a range's rows in each of the three tables. */
async function checksumsOf(session: Session, { tables }: AdoptPlan, range: Range): Promise<RangeChecksum[]> {
  const sums: RangeChecksum[] = [];
  for (const table of tables.data) {
    const [row] = await session.query<RangeChecksum>(
      `SELECT COUNT(*) AS \`rows\`, CAST(COALESCE(SUM(CRC32(${wholeRow(table)})), 0) AS CHAR) AS sum FROM ${rowsOf(table, range)}`,
      [],
      `comparing ${table.original} with its copy`,
    );
    sums.push({ rows: row?.rows ?? 0, sum: row?.sum ?? '' });
  }
  return sums;
}

/** A NULL and an empty text give different results. */
function wholeRow({ found }: AdoptedTable): string {
  const values = found.columns
    .filter(({ isGenerated }) => !isGenerated)
    .map(({ name }) => `COALESCE(k.\`${name}\`, CHAR(2))`);
  return `CONCAT_WS(CHAR(1), ${values.join(', ')})`;
}

/** Compares every range with the originals, and copies the changed ranges again. */
export async function copyChanges(
  session: Session,
  plan: AdoptPlan,
  { lease, before }: Copying,
  onRange: (number: number, count: number) => void,
): Promise<void> {
  const ranges = await copiedRanges(session);
  for (const range of ranges) {
    await before(session);
    onRange(range.number + 1, ranges.length);
    if (isSame(range, await checksumsOf(session, plan, range))) continue;
    await copyRange(session, plan, lease, range, true);
  }
}

function isSame({ checksums }: CopiedRange, now: readonly RangeChecksum[]): boolean {
  return now.every(({ rows, sum }, at) => rows === checksums[at]?.rows && sum === checksums[at]?.sum);
}

/** Builds the secondary keys that the shadows lack. Calls `onTable` before each table. */
export async function buildShadowKeys(
  session: Session,
  { tables }: AdoptPlan,
  onTable: (shadow: string) => void,
): Promise<void> {
  for (const { original, shadow, keys } of allTables(tables)) {
    if (keys.length === 0) continue;
    onTable(original);
    await addKeys(session, shadow, keys);
  }
}
