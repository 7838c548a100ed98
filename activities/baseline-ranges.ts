import { loadRange, type RangeTarget } from '../db/baseline/range.ts';
import { npiColumns } from '../db/schema/npi-columns.ts';
import { searchColumns, type SearchKind } from '../db/schema/tables.ts';
import type { LetterFile } from '../spool/letter-file.ts';
import { npiRanges, type NpiRange } from '../spool/npi-ranges.ts';
import { rangePath, removeRange, type Split } from '../spool/range-files.ts';
import { rangeMemory, readRange, type RangeMemory, type RangeRows } from '../spool/range-rows.ts';
import { searchCollector, type SearchCollector, type SearchShape } from '../spool/search-lines.ts';
import type { Attempt } from './attempt.ts';
import { runConcurrently } from './concurrently.ts';
import type { ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';
import type { Pace } from './pace.ts';

interface RangesWork {
  readonly split: Split;
  readonly letters: LetterFile;
  /** Ranges that the database has already, by number. */
  readonly loaded: ReadonlyMap<number, unknown>;
  readonly target: RangeTarget;
  readonly pace: Pace;
  /** Size of the whole member, for the progress. */
  readonly memberBytes: number;
}

/** What one range needs while it is loaded. */
interface LoadMemory {
  readonly rows: RangeMemory;
  readonly collectors: Readonly<Record<SearchKind, SearchCollector>>;
}

/** Loads every range that an earlier attempt has not loaded, several at a time. */
export async function loadEachRange(
  deps: ActivityDeps,
  { signal, heartbeat, log }: Attempt,
  work: RangesWork,
): Promise<void> {
  const { split, letters, loaded, memberBytes: totalBytes } = work;
  const rangeCount = split.rangeRows.length;
  const totalRows = split.rangeRows.reduce((sum, rows) => sum + rows, 0);
  const startedAt = performance.now();
  let doneRows = 0;
  const report = (rows: number) => {
    doneRows += rows;
    const bytes = Math.round((totalBytes * doneRows) / Math.max(1, totalRows));
    heartbeat({ phase: 'load', step: 'loading ranges', rows: doneRows, bytes, totalBytes });
  };
  const idle: LoadMemory[] = [];
  const tasks = npiRanges(rangeCount).map((range) => async (taskSignal: AbortSignal) => {
    if (!loaded.has(range.number) || !letters.has(range.number)) {
      const memory = idle.pop() ?? loadMemory();
      await loadOne(deps, work, { range, memory, signal: taskSignal });
      idle.push(memory);
    }
    report(split.rangeRows[range.number] ?? 0);
  });
  await runConcurrently(deps.loadConnections, signal, tasks);
  log.info('ranges loaded', {
    rows: doneRows,
    ranges: rangeCount,
    seconds: secondsSince(startedAt),
    pausedSeconds: work.pace.pausedSeconds(),
  });
}

/**
 * Writes the rows of the letter tables to this host's disk first, then the range to the database. So every range that a
 * killed attempt has committed has its letters on disk and is not loaded again. If another host has loaded the range, only
 * its letters are read here.
 */
async function loadOne(
  { database }: ActivityDeps,
  { split, letters, loaded, target, pace }: RangesWork,
  {
    range,
    memory,
    signal,
  }: { readonly range: NpiRange; readonly memory: LoadMemory; readonly signal: AbortSignal },
): Promise<void> {
  const path = rangePath(split.folder, range.number);
  const rows = await readRange(path, split.rangeRows[range.number] ?? 0, memory.rows);
  const { surgeon, facility, odd } = collectSearch(rows, memory.collectors);
  await letters.append(range.number, [...surgeon.byLetter, ...facility.byLetter]);
  if (!loaded.has(range.number)) {
    const load = { ...rows, range, odd, search: { surgeon, facility } };
    await database.session(signal, async (session) => {
      await pace.giveWay(session, signal);
      await loadRange(session, target, load);
    });
  }
  await removeRange(path);
}

function loadMemory(): LoadMemory {
  const collectors = { surgeon: searchCollector(shapes.surgeon), facility: searchCollector(shapes.facility) };
  return { rows: rangeMemory(), collectors };
}

const shapes: Readonly<Record<SearchKind, SearchShape>> = {
  surgeon: shapeOf('surgeon', 'last_name'),
  facility: shapeOf('facility', 'facility_name'),
};

function shapeOf(kind: SearchKind, nameColumn: string): SearchShape {
  const place = (source: string) => npiColumns.findIndex(({ name }) => name === source);
  const columns = searchColumns[kind];
  return {
    columns: columns.map(({ source, type }) => ({
      place: place(source),
      maxLength: Number(/\d+/.exec(type)?.[0]),
    })),
    namePlace: place(columns.find(({ name }) => name === nameColumn)?.source ?? ''),
  };
}

function collectSearch(rows: RangeRows, collectors: LoadMemory['collectors']) {
  const odd: { npi: number; type: 1 | 2 }[] = [];
  rows.forEachListed((line, npi, type) => {
    const collector = type === 1 ? collectors.surgeon : collectors.facility;
    if (!collector.add(line)) odd.push({ npi, type });
  });
  return { surgeon: collectors.surgeon.finish(), facility: collectors.facility.finish(), odd };
}
