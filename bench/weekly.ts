import { join } from 'node:path';
import { loadBlock, mayLoadLocal } from '../db/registry/bulk-load.ts';
import { npiColumns } from '../db/schema/npi-columns.ts';
import { openStaging } from '../db/registry/staging.ts';
import { writeReleaseZip } from '../local/sample/release-zip.ts';
import { weekLines, weekRowCount, type KnownProviders } from '../local/sample/rows.ts';
import { readRows } from '../nppes/rows/row-stream.ts';
import { npidataMember, openZip } from '../nppes/transfer/zip.ts';
import { forever, openBed, type Bed } from './bed.ts';
import { writeMonthlyZip } from './monthly.ts';
import type { BenchOptions } from './options.ts';
import { asJson, memoryLine, say, sayTable, type Stage } from './table.ts';
import type { MeasuredRun } from './worker-process.ts';

const defaultRows = 1_000_000;

/**
 * Measures weeks of 34,009 rows, from a zip on this host to searchable tables that already hold `rows` providers, against
 * the limit: LOAD DATA of the same rows as TSV into an empty table with the same columns. There are three runs: into warm
 * tables, the same zip again after its ledger entry was deleted, and the next week after a restart of the server.
 */
export async function weekly({
  rows = defaultRows,
  poolMb = 2048,
  binlog,
  json,
}: BenchOptions): Promise<void> {
  const bed = await openBed({ poolMb, binlog });
  try {
    if (!json) say(`loading ${rows.toLocaleString('en-US')} providers to begin with`);
    const known = await writeMonthlyZip(
      join(bed.site, 'NPPES_Data_Dissemination_September_2026_V2.zip'),
      rows,
    );
    await bed.runUpdate();
    const first = await writeWeek(bed, { start: '2026-09-14', end: '2026-09-20' }, known);
    const warm = await bed.runUpdate();
    const limit = await loadReadyTsv(bed, first.path);
    await bed.database.session(forever, (session) =>
      session.query('DELETE FROM npi_release WHERE file_name = ?', [first.name]),
    );
    const unchanged = await bed.runUpdate();
    const after = { ...known, firstNew: known.firstNew + weekRowCount };
    await writeWeek(bed, { start: '2026-09-21', end: '2026-09-27' }, after);
    await bed.restartServer();
    const cold = await bed.runUpdate();
    const runs = { warm, 'the same again': unchanged, cold };
    if (json) {
      const byName = Object.entries(runs).map(([name, run]) => [name, jsonOf(run, limit)]);
      say(JSON.stringify({ providers: rows, runs: Object.fromEntries(byName) as unknown }));
    }
    if (!json) print(rows, runs, limit);
  } finally {
    await bed.close();
  }
}

/** Writes the zip of a week, which the page then lists. */
export async function writeWeek(
  { site }: Bed,
  period: { readonly start: string; readonly end: string },
  known: KnownProviders,
): Promise<{ readonly name: string; readonly path: string }> {
  const short = (day: string) => day.slice(5, 7) + day.slice(8) + day.slice(2, 4);
  const compact = (day: string) => day.replaceAll('-', '');
  const name = `NPPES_Data_Dissemination_${short(period.start)}_${short(period.end)}_Weekly_V2.zip`;
  const path = join(site, name);
  const lines = weekLines({ period, rows: weekRowCount, known });
  await writeReleaseZip(path, { range: `${compact(period.start)}-${compact(period.end)}`, lines });
  return { name, path };
}

/** One LOAD DATA of the week's rows; preparing the rows is not measured. */
async function loadReadyTsv({ database, serverStage }: Bed, zip: string): Promise<Required<Stage>> {
  const opened = await openZip(zip);
  const blocks: Buffer[] = [];
  const member = await npidataMember(opened).open();
  for await (const { tsv } of readRows({ member, wanted: npiColumns, rowsPerBlock: 5000, afterRow: 0 })) {
    blocks.push(Buffer.from(tsv));
  }
  opened.close();
  return database.session(forever, async (session) => {
    const { name } = await openStaging(session, 'bench', 'limit');
    const isLocal = await mayLoadLocal(session);
    return serverStage(() => loadBlock(session, name, Buffer.concat(blocks), isLocal));
  });
}

type Runs = Readonly<Record<string, MeasuredRun>>;

const total = 'zip to searchable';

/** The stages of the one release of a run. */
function stagesOf({ result, lines, cpu }: MeasuredRun): Readonly<Record<string, Stage>> {
  const [release, ...more] = result.releases;
  if (!release || more.length > 0)
    throw new Error(`Expected the run to load one week, but its outcome is: ${result.outcome}.`);
  const { download, stage, publish, index, archive } = release.seconds;
  const cpuAt = (message: string) => lines.get(message)?.cpuSeconds ?? Number.NaN;
  return {
    download: { seconds: download },
    stage: { seconds: stage, cpuSeconds: cpuAt('staged') },
    publish: { seconds: publish, cpuSeconds: cpuAt('published') - cpuAt('staged') },
    'of which search': { seconds: index },
    archive: { seconds: archive },
    [total]: { seconds: stage + publish, cpuSeconds: cpu.worker + cpu.server },
  };
}

const jsonOf = (run: MeasuredRun, limit: Required<Stage>) =>
  asJson(weekRowCount, run, limit, stagesOf(run), total);

function print(providers: number, runs: Runs, limit: Required<Stage>): void {
  say(
    `\n${weekRowCount.toLocaleString('en-US')} rows into tables with ${providers.toLocaleString('en-US')} providers, seconds; ` +
      `LOAD DATA of the prepared rows takes ${limit.seconds.toFixed(2)} s (${limit.cpuSeconds.toFixed(2)} s of CPU)`,
  );
  const stages = Object.keys(stagesOf(Object.values(runs)[0] as MeasuredRun));
  sayTable(
    ['stage', ...Object.keys(runs)],
    [
      ...stages.map((stage) => [
        stage,
        ...Object.values(runs).map((run) => (stagesOf(run)[stage]?.seconds ?? 0).toFixed(2)),
      ]),
      ['share of the limit', ...Object.values(runs).map((run) => jsonOf(run, limit).ratioToLimit.toFixed(2))],
      ['CPU, worker', ...Object.values(runs).map((run) => run.cpu.worker.toFixed(2))],
      ['CPU, server', ...Object.values(runs).map((run) => run.cpu.server.toFixed(2))],
    ],
  );
  for (const [name, run] of Object.entries(runs)) say(memoryLine(name, run));
}
