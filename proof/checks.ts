import { hasZip, type PublishedFile } from '../db/ledger/releases.ts';
import { checkLedger } from '../db/registry/check-ledger.ts';
import { rowDigests } from '../db/registry/check-rows.ts';
import { checkSearchTables } from '../db/registry/check-search.ts';
import type { NpiSpan } from '../db/registry/npi-steps.ts';
import type { Session } from '../db/connection/session.ts';
import type { Schemas } from '../db/schema/tables.ts';
import type { Archive, ShowProgress } from './archived-zip.ts';
import { LiveRows } from './live-rows.ts';

/** The result of one check. */
export interface Check {
  readonly check: 'archived zips' | 'rows' | 'surgeon search' | 'facility search' | 'ledger';
  /** How many things were compared: zips, rows or releases. */
  readonly compared: number;
  readonly differences: number;
  /** The first differences, for people. */
  readonly first: readonly string[];
}

/** Rows that have no zip on this host to compare them with. */
export interface Unchecked {
  /** Null for rows that an adoption found. */
  readonly release: string | null;
  readonly rows: number;
  readonly reason: string;
}

const shown = 5;
const grouped = (count: number) => count.toLocaleString('en-US');

/** Compares all search tables with the providers. */
export async function searchChecks(session: Session, schemas: Schemas, show: ShowProgress): Promise<Check[]> {
  const checks: Check[] = [];
  for (const kind of ['surgeon', 'facility'] as const) {
    const step = `comparing the ${kind} search tables with the providers`;
    show(step, step);
    const { compared, differences, first } = await checkSearchTables(session, schemas, kind, shown);
    const texts = first.map(({ npi, table, what }) => `${npi} ${what} in ${table}`);
    checks.push({ check: `${kind} search`, compared, differences, first: texts });
  }
  return checks;
}

/** Adds up the counts of the ledger. */
export async function ledgerCheck(session: Session): Promise<Check> {
  const { releases, wrong } = await checkLedger(session);
  return { check: 'ledger', compared: releases, differences: wrong.length, first: wrong.slice(0, shown) };
}

/** Reads the digests of the live rows of a span. */
export async function readLiveRows(
  session: Session,
  schemas: Schemas,
  span: NpiSpan,
  show: ShowProgress,
): Promise<LiveRows> {
  const step = 'reading the providers';
  const live = new LiveRows();
  for await (const rows of rowDigests(session, schemas, span)) {
    for (const row of rows) live.add(row);
    show(`${step}: ${grouped(live.count)}`, step);
  }
  return live;
}

/** Looks for the zips that every archive keeps: of the newest monthly, and of what follows it (nppes/page/surplus.ts). */
export async function archiveCheck(archive: Archive, published: readonly PublishedFile[]): Promise<Check> {
  const monthly = published.findLast(({ kind }) => kind === 'monthly');
  // A later version of a release has taken the place of its zip.
  const isNewest = ({ releaseId, fileName }: PublishedFile) =>
    published.findLast((file) => file.fileName === fileName)?.releaseId === releaseId;
  const kept = published.filter(
    (file) => hasZip(file) && file.releaseId >= (monthly?.releaseId ?? 0) && isNewest(file),
  );
  const missing = new Differences();
  for (const file of kept) if ('fault' in (await archive.find(file))) missing.add(file.fileName);
  return { check: 'archived zips', compared: kept.length, ...missing.result() };
}

/**
 * Compares live rows with the archived zips of the releases that set them. `files` are those that can have set them. Uses no
 * connection to the database.
 */
export async function rowCheck(
  archive: Archive,
  live: LiveRows,
  files: readonly PublishedFile[],
): Promise<{ readonly check: Check; readonly unchecked: readonly Unchecked[] }> {
  const found = new Differences();
  for (const npi of live.repeated) found.add(`${npi} has rows in more than one table`);
  const unchecked: Unchecked[] = [];
  const released = [...live.rowsByRelease()].sort(([a], [b]) => a - b);
  for (const [releaseId, rows] of released) {
    const release = files.find((file) => file.releaseId === releaseId);
    if (!release && releaseId !== 0) {
      found.add(`${grouped(rows)} rows are of the release ${releaseId}, which is not in the ledger`, rows);
      continue;
    }
    if (!release || !hasZip(release)) {
      unchecked.push({
        release: release?.fileName ?? null,
        rows,
        reason: `an adoption found ${rows === 1 ? 'it' : 'them'}; there is no zip`,
      });
      continue;
    }
    const zip = await archive.find(release);
    if ('fault' in zip) {
      unchecked.push({ release: release.fileName, rows, reason: zip.fault });
      continue;
    }
    const comparison = live.comparison(release);
    for await (const { block } of archive.rows(zip.path, release)) comparison.add(block);
    for (const { npi, what } of comparison.differences())
      found.add(
        what === 'differs'
          ? `${npi} differs from ${release.fileName}`
          : `${npi} is not in ${release.fileName}`,
      );
  }
  return { check: { check: 'rows', compared: live.count, ...found.result() }, unchecked };
}

class Differences {
  #count = 0;
  readonly #first: string[] = [];

  add(text: string, rows = 1): void {
    this.#count += rows;
    if (this.#first.length < shown) this.#first.push(text);
  }

  result(): Pick<Check, 'differences' | 'first'> {
    return { differences: this.#count, first: this.#first };
  }
}
