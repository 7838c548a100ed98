import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parse } from 'csv-parse';
import { npiColumns } from '../db/schema/npi-columns.ts';
import { knownLines } from '../local/sample/rows.ts';
import { writeReleaseZip } from '../local/sample/release-zip.ts';
import { planLayout } from '../nppes/rows/layout.ts';
import { recordReader } from '../nppes/rows/provider.ts';
import { readRows } from '../nppes/rows/row-stream.ts';
import { tsvLine } from '../nppes/rows/tsv.ts';
import { npidataMember, openZip, type Member } from '../nppes/transfer/zip.ts';

const full = 100_000;
const stubs = 1000;
const rows = full + stubs;
const rounds = 3;

/** One way to read a member; returns the number of bytes that it produced. */
type Reading = (member: Member) => Promise<number>;

const readings: Readonly<Record<string, Reading>> = {
  'inflate alone': inflateAlone,
  'inflate, scan, TSV': scanned,
  'the same with csv-parse': parsed,
};

/**
 * Measures a member of generated providers from its zip to lines for LOAD DATA, in CPU time of this process (including the
 * inflating threads), against csv-parse. The first round warms up; the result is the median of the others.
 */
export async function scan(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'surgicase-bench-'));
  try {
    const zip = join(folder, 'known.zip');
    const updated = { start: '2006-01-01', end: '2026-09-06' };
    const lines = knownLines({ full, stubs, firstNew: rows, updated });
    await writeReleaseZip(zip, { range: '20260907-20260913', lines });
    const results = new Map<string, Measured[]>(Object.keys(readings).map((name) => [name, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const [name, reading] of Object.entries(readings)) {
        const measured = await measure(zip, reading);
        if (round > 0) results.get(name)?.push(measured);
      }
    }
    print(results);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Measured {
  readonly cpuMicros: number;
  readonly wallMicros: number;
  readonly bytes: number;
}

async function measure(zip: string, reading: Reading): Promise<Measured> {
  const opened = await openZip(zip);
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const bytes = await reading(npidataMember(opened));
  const { user, system } = process.cpuUsage(before);
  opened.close();
  return { cpuMicros: user + system, wallMicros: (performance.now() - startedAt) * 1000, bytes };
}

async function inflateAlone(member: Member): Promise<number> {
  let bytes = 0;
  for await (const chunk of (await member.open()) as AsyncIterable<Buffer>) bytes += chunk.length;
  return bytes;
}

async function scanned(member: Member): Promise<number> {
  let bytes = 0;
  const blocks = readRows({
    member: await member.open(),
    wanted: npiColumns,
    rowsPerBlock: 5000,
    afterRow: 0,
  });
  for await (const { tsv } of blocks) bytes += tsv.length;
  return bytes;
}

async function parsed(member: Member): Promise<number> {
  let bytes = 0;
  let rowNumber = 0;
  let check: ReturnType<typeof recordReader> | undefined;
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    on_record(fields: string[]) {
      const checked = check?.(fields);
      check ??= reader(fields);
      if (checked && 'values' in checked)
        bytes += Buffer.byteLength(tsvLine([String(++rowNumber), ...checked.values]));
      return null;
    },
  });
  for await (const chunk of await member.open()) parser.write(chunk);
  parser.resume().end();
  return bytes;
}

function reader(header: readonly string[]): ReturnType<typeof recordReader> {
  const planned = planLayout(header, npiColumns);
  if ('missing' in planned) throw new Error(`The sample has no columns ${planned.missing.join(', ')}.`);
  return recordReader(planned.layout);
}

function print(results: ReadonlyMap<string, readonly Measured[]>): void {
  const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const cpu = (name: string) => median((results.get(name) ?? []).map(({ cpuMicros }) => cpuMicros)) / rows;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(`\n${rows.toLocaleString('en-US')} rows, medians of ${rounds}`);
  say(`${''.padEnd(24)} ${'CPU µs/row'.padStart(11)} ${'rows/s'.padStart(10)} ${'MB'.padStart(6)}`);
  for (const [name, measured] of results) {
    const perSecond = Math.round((rows / median(measured.map(({ wallMicros }) => wallMicros))) * 1e6);
    const megabytes = ((measured[0]?.bytes ?? 0) / 1e6).toFixed(0);
    say(
      `${name.padEnd(24)} ${cpu(name).toFixed(2).padStart(11)} ${perSecond.toLocaleString('en-US').padStart(10)} ${megabytes.padStart(6)}`,
    );
  }
  const [inflate, scanning, parsing] = Object.keys(readings).map(cpu) as [number, number, number];
  say(
    `scan without inflate: ${(scanning - inflate).toFixed(2)} µs per row; csv-parse takes ${(parsing / scanning).toFixed(1)} times as long`,
  );
}
