import type { Config } from '../../config/config.ts';
import { hasZip, type PublishedFile } from '../../db/ledger/releases.ts';
import { readLiveRow } from '../../db/registry/proof.ts';
import { tsvFields } from '../../nppes/rows/tsv.ts';
import { rankOf } from '../../nppes/rows/winner.ts';
import { Archive } from '../../proof/archived-zip.ts';
import {
  compareCells,
  outcomeOf,
  partsOf,
  type Cell,
  type FileRow,
  type Outcome,
  type Source,
} from '../../proof/cells.ts';
import { utcMinute } from '../../telemetry/times.ts';
import { columnLines } from '../columns.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { grouped } from '../numbers.ts';
import { checkNpi } from '../npi-argument.ts';
import type { Terminal } from '../terminal.ts';

const signal = new AbortController().signal;

/**
 * `surgicase npi prove <npi>`: reads the zips that set a provider's row again and compares the row with them, cell by cell.
 * Exits with 0 only when every cell is equal.
 */
export async function prove(config: Config, terminal: Terminal, npi: string): Promise<number> {
  checkNpi(npi);
  const { rows, files } = await withDatabase(config, (database, schemas) =>
    database.session(signal, (session) => readLiveRow(session, schemas, npi)),
  );
  const [row, second] = rows;
  if (!row) {
    terminal.answer(null, [`NPI ${npi} is not in npi_data_0, npi_data_1 or npi_data_2.`]);
    return exitCodes.failed;
  }
  if (second) {
    const tables = rows.map(({ type }) => `npi_data_${type}`).join(' and ');
    throw new CommandError(
      exitCodes.failed,
      `NPI ${npi} has rows in ${tables}. A provider has only one row.`,
    );
  }
  const archive = new Archive(config.nppes.archiveDir, signal, terminal.progress);
  const sources: Source[] = [];
  for (const { part, releaseId } of partsOf(row)) {
    const release = files.find((file) => file.releaseId === releaseId);
    const read = await readSource(archive, { npi, releaseId, release });
    sources.push({ part, release, ...read });
  }
  const cells = compareCells(row, sources);
  const outcome = outcomeOf(row.type, cells, sources);
  const table = `npi_data_${row.type}`;
  const shown = cells.filter(({ database, file }) => database !== '' || (file ?? '') !== '');
  const value = { npi: Number(npi), table, outcome, sources: sources.map(sourceValue), cells: shown };
  terminal.answer(value, [
    table,
    ...sources.flatMap((source) => sourceLines(source, npi)),
    ...cellLines(shown),
    summary(outcome, cells, shown),
  ]);
  return outcome === 'equal' ? exitCodes.done : exitCodes.failed;
}

interface Wanted {
  readonly npi: string;
  readonly releaseId: number | null;
  readonly release: PublishedFile | undefined;
}

async function readSource(
  archive: Archive,
  { npi, releaseId, release }: Wanted,
): Promise<Pick<Source, 'row' | 'fault'>> {
  if (releaseId === null)
    return {
      fault: 'an adoption found this row in the tables, and no release has set it since: there is no zip',
    };
  if (!release)
    return { fault: `the ledger has no release with the ID ${releaseId}, so its zip is not known` };
  if (!hasZip(release))
    return {
      fault: 'an adoption recorded the release as loaded before: this service never had its zip',
    };
  const found = await archive.find(release);
  if ('fault' in found) return found;
  const row = await winningRow(archive, found.path, release, npi);
  return row ? { row } : {};
}

/** Reads the whole file, because a later row of the same NPI can win. */
async function winningRow(
  archive: Archive,
  path: string,
  release: PublishedFile,
  npi: string,
): Promise<FileRow | undefined> {
  const wanted = Number(npi);
  let best = -1;
  let row: FileRow | undefined;
  for await (const { member, block } of archive.rows(path, release)) {
    const { lines, tsv } = block;
    for (let i = 0; i < lines.count; i++) {
      if (lines.npis[i] !== wanted || rankOf(lines, i) < best) continue;
      best = rankOf(lines, i);
      const fields = tsvFields(tsv.toString('utf8', lines.starts[i], lines.ends[i]));
      row = { member, rowNumber: lines.rowNumbers[i] ?? 0, isStub: lines.types[i] === 0, fields };
    }
  }
  return row;
}

/** A source for `--json`. */
function sourceValue({ part, release, row, fault }: Source) {
  return {
    part,
    release: release?.fileName ?? null,
    sha256: release && hasZip(release) ? release.sha256 : null,
    publishedAt: release?.publishedAt ?? null,
    member: row?.member ?? null,
    row: row?.rowNumber ?? null,
    ...(fault !== undefined && { fault }),
  };
}

function sourceLines({ part, release, row, fault }: Source, npi: string): string[] {
  const texts = [
    ...(release ? [`${release.fileName}, published ${utcMinute(release.publishedAt)}`] : []),
    ...(release && hasZip(release) ? [`sha256 ${release.sha256}`] : []),
    fault ??
      (row
        ? `row ${grouped(row.rowNumber)} of ${row.member}${row.isStub ? ', a deactivated stub' : ''}`
        : `the file has no valid row of NPI ${npi}`),
  ];
  return texts.map((text, i) => `${(i === 0 ? part : '').padEnd(18)} ${text}`);
}

const mark: Readonly<Record<string, string>> = { true: '', false: 'DIFFERS', null: 'not compared' };

function cellLines(cells: readonly Cell[]): string[] {
  const rows = cells.map(({ column, database, file, isEqual }) => [
    column,
    shownValue(database, isEqual),
    file === null ? '' : shownValue(file, isEqual),
    mark[String(isEqual)] ?? '',
  ]);
  return columnLines(['COLUMN', 'DATABASE', 'FILE', ''], rows);
}

/** Different values are quoted, because they may differ only by a blank at their end. */
function shownValue(value: string, isEqual: boolean | null): string {
  // oxlint-disable-next-line no-control-regex -- a line break would break the columns
  return isEqual === false || /[\u0000-\u001F]/.test(value) ? JSON.stringify(value) : value;
}

function summary(outcome: Outcome, cells: readonly Cell[], shown: readonly Cell[]): string {
  const count = (of: Cell['isEqual']) => cells.filter(({ isEqual }) => isEqual === of).length;
  const differing = count(false);
  if (outcome === 'differs')
    return differing === 0
      ? 'The row differs: the file does not have the row that the ledger names.'
      : `The row differs from the file in ${differing} of ${cells.length} columns.`;
  if (outcome === 'not proven')
    return `Not proven: ${count(null)} of ${cells.length} columns were not compared.`;
  const empty = cells.length - shown.length;
  return `Equal: all ${cells.length} columns (${empty} are empty in both).`;
}
