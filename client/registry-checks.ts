import type { Config } from '../config/config.ts';
import { hasZip, type PublishedFile } from '../db/ledger/releases.ts';
import { checkLedger } from '../db/registry/check-ledger.ts';
import { rowDigests } from '../db/registry/check-rows.ts';
import { checkSearchTables } from '../db/registry/check-search.ts';
import type { NpiSpan } from '../db/registry/npi-steps.ts';
import type { Session } from '../db/connection/session.ts';
import type { Schemas } from '../db/schema/tables.ts';
import { archivedRows, findArchived } from './archived-zip.ts';
import { LiveRows } from './live-rows.ts';
import { grouped } from './numbers.ts';
import type { Terminal } from './terminal.ts';

/** The result of one check. */
export interface Check {
  readonly check: string;
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

/** Compares all search tables with the providers. */
export async function searchChecks(session: Session, schemas: Schemas, terminal: Terminal): Promise<Check[]> {
  const checks: Check[] = [];
  for (const kind of ['surgeon', 'facility'] as const) {
    const step = `comparing the ${kind} search tables with the providers`;
    terminal.progress(step, step);
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
  terminal: Terminal,
): Promise<LiveRows> {
  const step = 'reading the providers';
  const live = new LiveRows();
  for await (const rows of rowDigests(session, schemas, span)) {
    for (const row of rows) live.add(row);
    terminal.progress(`${step}: ${grouped(live.count)}`, step);
  }
  return live;
}

/** Live rows, the files that can have set them, and those of the files that are published. */
export interface LiveRegistry {
  readonly live: LiveRows;
  readonly files: readonly PublishedFile[];
  readonly published: readonly PublishedFile[];
}

/** Compares live rows with the archived zips of the releases that set them. Uses no connection to the database. */
export async function rowChecks(
  { nppes }: Config,
  { live, files, published }: LiveRegistry,
  terminal: Terminal,
): Promise<{ readonly checks: readonly Check[]; readonly unchecked: readonly Unchecked[] }> {
  const found = new Differences();
  for (const npi of live.repeated) found.add(`${npi} has rows in more than one table`);
  const zips = new Differences();
  const unchecked: Unchecked[] = [];
  let zipCount = 0;
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
    const zip = await findArchived(nppes.archiveDir, release, terminal);
    if ('fault' in zip) {
      unchecked.push({ release: release.fileName, rows, reason: zip.fault });
      if (isKept(release, published)) zips.add(release.fileName);
      continue;
    }
    zipCount += 1;
    const comparison = live.comparison(release);
    for await (const { block } of archivedRows(zip.path, release, terminal)) comparison.add(block);
    for (const { npi, what } of comparison.differences())
      found.add(
        what === 'differs'
          ? `${npi} differs from ${release.fileName}`
          : `${npi} is not in ${release.fileName}`,
      );
  }
  const checks = [
    { check: 'archived zips', compared: zipCount + zips.count, differences: zips.count, first: zips.first },
    { check: 'rows', compared: live.count, differences: found.count, first: found.first },
  ];
  return { checks, unchecked };
}

/** Whether every archive keeps the zip: of the newest monthly, and of what follows it (nppes/page/surplus.ts). */
function isKept({ releaseId, fileName }: PublishedFile, published: readonly PublishedFile[]): boolean {
  const monthly = published.findLast(({ kind }) => kind === 'monthly');
  const versions = published.filter((file) => file.fileName === fileName);
  // A later version of the release has taken the place of its zip.
  return releaseId >= (monthly?.releaseId ?? 0) && versions.at(-1)?.releaseId === releaseId;
}

class Differences {
  count = 0;
  readonly first: string[] = [];

  add(text: string, rows = 1): void {
    this.count += rows;
    if (this.first.length < shown) this.first.push(text);
  }
}
