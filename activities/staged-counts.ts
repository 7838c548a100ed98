import type { Staged } from '../contract/activities.ts';
import type { StagedSoFar } from '../db/schema/ledger-json.ts';
import type { RowBlock } from '../nppes/rows/row-block.ts';
import type { Attempt } from './attempt.ts';

/** The counts before the first block of a member. */
export function nothingYet(member: string): StagedSoFar {
  return {
    member,
    rows: 0,
    stagedRows: 0,
    typeRows: [0, 0, 0],
    refused: {},
    badUtf8Count: 0,
    newColumns: [],
  };
}

/** The counts including one more block. */
export function added(soFar: StagedSoFar, block: RowBlock): StagedSoFar {
  const refused: Record<string, number> = { ...soFar.refused };
  for (const { reason } of block.refusals) refused[reason] = (refused[reason] ?? 0) + 1;
  const [blank, individuals, organizations] = block.typeRows;
  return {
    member: soFar.member,
    rows: soFar.rows + block.rows,
    stagedRows: soFar.stagedRows + block.stagedRows,
    typeRows: [soFar.typeRows[0] + blank, soFar.typeRows[1] + individuals, soFar.typeRows[2] + organizations],
    refused,
    badUtf8Count: block.badUtf8Count,
    newColumns: block.newColumns,
  };
}

/** The counts that the workflow receives. */
export function asStaged({
  member,
  rows,
  stagedRows,
  refused,
  badUtf8Count,
  newColumns,
}: StagedSoFar): Omit<Staged, 'isPublished' | 'release'> {
  return { member, rows, stagedRows, refused, badUtf8Count, newColumns };
}

/** Logs the counts of a member that has been read to its end. */
export function reportStaged({ log }: Attempt, soFar: StagedSoFar, elapsedSeconds: number): void {
  const { rows, stagedRows, refused, badUtf8Count, newColumns } = soFar;
  const rowsPerSecond = Math.round(rows / Math.max(elapsedSeconds, 0.001));
  log.info('staged', { rows, stagedRows, rowsPerSecond, seconds: elapsedSeconds });
  for (const [reason, count] of Object.entries(refused)) log.warn('rows refused', { reason, rows: count });
  if (badUtf8Count > 0) log.warn('bytes that are not valid UTF-8 became U+FFFD', { count: badUtf8Count });
  if (newColumns.length > 0) log.warn('the header has new columns, which are not loaded', { newColumns });
}
