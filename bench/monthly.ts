import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { finished, pipeline } from 'node:stream/promises';
import { writeReleaseZip } from '../local/sample/release-zip.ts';
import { knownLines, type KnownProviders } from '../local/sample/rows.ts';
import { npidataMember, openZip } from '../nppes/transfer/zip.ts';
import { openBed } from './bed.ts';
import { otherWays } from './compare.ts';
import type { BenchOptions } from './options.ts';
import { loadReadyTsv, writeReadyTsv } from './ready-tsv.ts';
import { asJson, memoryLine, say, sayTable, type Stage } from './table.ts';
import type { MeasuredRun } from './worker-process.ts';

const defaultRows = 1_000_000;

/**
 * Measures a monthly of generated rows, from its zip to live and searchable tables, against the limit: LOAD DATA of the
 * same rows from a sorted TSV that the server reads itself. The limit is the mean of a measurement before and one after.
 */
export async function monthly({
  rows = defaultRows,
  poolMb = 2048,
  binlog,
  json,
  compare,
}: BenchOptions): Promise<void> {
  const bed = await openBed({ poolMb, binlog });
  try {
    const zip = join(bed.site, 'NPPES_Data_Dissemination_September_2026_V2.zip');
    await writeMonthlyZip(zip, rows);
    await writeReadyTsv(zip, bed.folder);
    const before = await loadReadyTsv(bed, bed.folder);
    const run = await bed.runUpdate();
    const after = await loadReadyTsv(bed, bed.folder);
    const alone = { sha256: await secondsOf(() => hash(zip)), inflate: await secondsOf(() => inflate(zip)) };
    const measured = {
      rows,
      run,
      alone,
      limit: {
        seconds: (before.seconds + after.seconds) / 2,
        cpuSeconds: (before.cpuSeconds + after.cpuSeconds) / 2,
      },
      zipBytes: (await stat(zip)).size,
    };
    if (json) say(JSON.stringify(jsonOf(measured)));
    else print(measured);
    if (compare) sayOtherWays(measured, await otherWays(bed));
  } finally {
    await bed.close();
  }
}

/** Writes a monthly of `rows` generated providers; returns what the tables then hold. `periodEnd` is an ISO date. */
export async function writeMonthlyZip(
  path: string,
  rows: number,
  periodEnd = '2026-09-13',
): Promise<KnownProviders> {
  // The share in the monthly of September 2026: 355,329 of 9,798,758.
  const stubs = Math.round(rows * 0.036);
  const updated = { start: '2006-01-01', end: '2026-09-13' };
  const range = `20050523-${periodEnd.replaceAll('-', '')}`;
  const known = { full: rows - stubs, stubs, firstNew: rows, updated };
  await writeReleaseZip(path, { range, lines: knownLines(known) });
  return known;
}

async function hash(zip: string): Promise<void> {
  await pipeline(createReadStream(zip), createHash('sha256'));
}

async function inflate(zip: string): Promise<void> {
  const opened = await openZip(zip);
  const member = await npidataMember(opened).open();
  member.resume();
  await finished(member);
  opened.close();
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

interface Measured {
  readonly rows: number;
  readonly run: MeasuredRun;
  readonly alone: { readonly sha256: number; readonly inflate: number };
  readonly limit: Required<Stage>;
  readonly zipBytes: number;
}

const total = 'zip to live';

/** The stages from the worker's log and the result of the run, and two that are measured separately. */
function stagesOf({ run, alone }: Measured): Readonly<Record<string, Stage>> {
  const [release] = run.result.releases;
  if (!release) throw new Error(`The monthly was not loaded: ${run.result.outcome}.`);
  const { stage, publish, index } = release.seconds;
  const cpuAt = (message: string) => run.lines.get(message)?.cpuSeconds ?? Number.NaN;
  const logged = (message: string, before?: string): Stage => ({
    seconds: run.lines.get(message)?.seconds ?? Number.NaN,
    cpuSeconds: cpuAt(message) - (before === undefined ? 0 : cpuAt(before)),
  });
  const live = 'baseline is live';
  return {
    'sha256, alone': { seconds: alone.sha256 },
    'inflate, alone': { seconds: alone.inflate },
    'inflate, scan, encode, split': logged('staged'),
    'sort and load': logged('ranges loaded', 'staged'),
    'search letters': logged('letters loaded', 'ranges loaded'),
    'load, total': { seconds: stage, cpuSeconds: cpuAt('letters loaded') },
    index: { seconds: index, cpuSeconds: cpuAt('indexed') - cpuAt('letters loaded') },
    'check, count, swap': { seconds: publish - index, cpuSeconds: cpuAt(live) - cpuAt('indexed') },
    [total]: { seconds: stage + publish, cpuSeconds: run.cpu.worker + run.cpu.server },
  };
}

const jsonOf = (measured: Measured) =>
  asJson(measured.rows, measured.run, measured.limit, stagesOf(measured), total);

function print(measured: Measured): void {
  const { rows, run, limit, zipBytes } = measured;
  const { cpuMicrosPerRow, limitCpuMicrosPerRow, ratioToLimit, stages } = jsonOf(measured);
  const seconds = (name: string) => stages[name]?.seconds ?? Number.NaN;
  const byPrimaryKey = seconds('inflate, scan, encode, split') + seconds('sort and load');
  say(`\n${rows.toLocaleString('en-US')} rows, ${(zipBytes / 1e6).toFixed(0)} MB zip`);
  sayTable(
    ['stage', 'seconds', 'CPU s', 'rows/s', 'of limit'],
    Object.entries<Stage>({ ...stages, 'limit: LOAD DATA, primary key only': limit }).map(([name, stage]) => [
      name,
      stage.seconds.toFixed(2),
      stage.cpuSeconds?.toFixed(1) ?? '',
      Math.round(rows / stage.seconds).toLocaleString('en-US'),
      (limit.seconds / stage.seconds).toFixed(2),
    ]),
  );
  const ofLimit = (limit.seconds / byPrimaryKey).toFixed(2);
  say(`zip to three tables with primary key (and two search tables): ${ofLimit} of the limit`);
  say(`zip to live and searchable: ${ratioToLimit.toFixed(2)} of the limit`);
  const { worker, server } = run.cpu;
  say(
    `CPU: ${cpuMicrosPerRow.toFixed(1)} µs per row (worker ${worker.toFixed(1)} s, server ${server.toFixed(1)} s), ` +
      `${(cpuMicrosPerRow / limitCpuMicrosPerRow).toFixed(1)} times the limit's ${limitCpuMicrosPerRow.toFixed(1)}`,
  );
  say(memoryLine('monthly', run));
}

function sayOtherWays(measured: Measured, ways: Awaited<ReturnType<typeof otherWays>>): void {
  const ours = {
    name: 'this project: all tables, searchable',
    rowsPerSecond: jsonOf(measured).rowsPerSecond,
  };
  sayTable(
    ['without this project, providers only', 'rows/s', 'of ours'],
    [ours, ...ways].map(({ name, rowsPerSecond }) => [
      name,
      Math.round(rowsPerSecond).toLocaleString('en-US'),
      (rowsPerSecond / ours.rowsPerSecond).toFixed(2),
    ]),
  );
}
