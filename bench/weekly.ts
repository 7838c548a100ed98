import { join } from 'node:path';
import { loadBlock, mayLoadLocal } from '../db/bulk-load.ts';
import { npiColumns } from '../db/npi-columns.ts';
import { openStaging } from '../db/staging.ts';
import { knownLines, weekLines, weekRowCount, type KnownProviders } from '../local/sample/rows.ts';
import { writeReleaseZip } from '../local/sample/release-zip.ts';
import { readRows } from '../nppes/rows.ts';
import { npidataMember, openZip } from '../nppes/zip.ts';
import { forever, openBed, type Bed } from './bed.ts';

const knownCount = 1_000_000;
const known: KnownProviders = {
  full: knownCount,
  stubs: 1000,
  firstNew: knownCount + 1000,
  updated: { start: '2006-01-01', end: '2026-09-06' },
};
const period = { start: '2026-09-14', end: '2026-09-20' };

/**
 * A week of 34,009 rows, from a zip on this host to searchable tables that hold a million providers, beside the
 * limit: LOAD DATA of the same rows as ready TSV into an empty table of the same columns.
 */
export async function weekly(): Promise<void> {
  const bed = await openBed();
  try {
    say(`loading ${knownCount.toLocaleString('en-US')} providers to begin with`);
    const base = join(bed.site, 'NPPES_Data_Dissemination_090726_091326_Weekly_V2.zip');
    await writeReleaseZip(base, { range: '20260907-20260913', lines: knownLines(known) });
    const before = await bed.runUpdate();
    say(`  in ${before.result.seconds.toFixed(0)} s, ${memory(before)}`);
    const zip = join(bed.site, 'NPPES_Data_Dissemination_091426_092026_Weekly_V2.zip');
    await writeReleaseZip(zip, {
      range: '20260914-20260920',
      lines: weekLines({ period, rows: weekRowCount, known }),
    });
    const measured = await bed.runUpdate();
    const limitSeconds = await loadReadyTsv(bed, zip);
    print(measured, limitSeconds);
  } finally {
    await bed.close();
  }
}

/** Seconds of one LOAD DATA of the week's rows; the rows are made ready before. */
async function loadReadyTsv({ database }: Bed, zip: string): Promise<number> {
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
    const startedAt = performance.now();
    await loadBlock(session, name, Buffer.concat(blocks), isLocal);
    return (performance.now() - startedAt) / 1000;
  });
}

function print(measured: Awaited<ReturnType<Bed['runUpdate']>>, limitSeconds: number): void {
  const [release] = measured.result.releases;
  if (!release) throw new Error(`The week was not loaded: ${measured.result.outcome}.`);
  const { rows } = release.counts;
  const line = (name: string, seconds: number) =>
    say(
      `${name.padEnd(22)} ${seconds.toFixed(2).padStart(8)} ${Math.round(rows / seconds)
        .toLocaleString('en-US')
        .padStart(12)} ${(seconds / limitSeconds).toFixed(1).padStart(10)}`,
    );
  say(
    `\n${rows.toLocaleString('en-US')} rows, zip to searchable, onto ${knownCount.toLocaleString('en-US')} providers`,
  );
  say(`${'stage'.padEnd(22)} ${'seconds'.padStart(8)} ${'rows/s'.padStart(12)} ${'x limit'.padStart(10)}`);
  const { download, stage, publish, index, archive } = release.seconds;
  line('download (loopback)', download);
  line('stage', stage);
  line('publish', publish);
  line('  of it index', index);
  line('archive', Math.max(archive, 0.001));
  line('run, all of it', measured.result.seconds);
  line('limit: LOAD DATA', limitSeconds);
  say(memory(measured));
}

const memory = ({ idleMb, peakMb }: { readonly idleMb: number; readonly peakMb: number }) =>
  `resident memory of the worker: idle ${idleMb.toFixed(0)} MB, at most ${peakMb.toFixed(0)} MB (+${(peakMb - idleMb).toFixed(0)})`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
