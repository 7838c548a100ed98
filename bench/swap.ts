import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { NpiUpdateInput } from '../contract/workflows.ts';
import { dayOf, hash, sampleNpi } from '../local/sample/provider.ts';
import { writeReportZip, type ReportEntry } from '../local/sample/report-zip.ts';
import type { KnownProviders } from '../local/sample/rows.ts';
import { searchTables } from '../db/baseline/shadow.ts';
import { historyBytes } from '../db/registry/history.ts';
import { liveTables, type Schemas } from '../db/schema/tables.ts';
import { forever, openBed, type Bed } from './bed.ts';
import { writeMonthlyZip } from './monthly.ts';
import type { BenchOptions } from './options.ts';
import { searchDuring, type Searched } from './searches.ts';
import { say, sayTable } from './table.ts';
import { writeWeek } from './weekly.ts';
import { cli } from './worker-process.ts';

const defaultRows = 1_000_000;
const referenceMs = 30_000;
const longestWaitMs = 1500;
const schemas: Schemas = {
  application: 'allstars',
  search: 'search_surgeon_facility',
  scheduler: 'surgicase_scheduler',
};

/**
 * Measures what people who search at a fixed rate notice of each operation on tables of `rows` providers. Good means: no
 * error, no wrong answer, a p99 of at most three times the p99 without a load (or 25 ms), and no wait above 1.5 s.
 */
export async function swap({ rows = defaultRows, poolMb = 2048, binlog, json }: BenchOptions): Promise<void> {
  const bed = await openBed({ poolMb, binlog });
  try {
    if (!json) say(`loading ${rows.toLocaleString('en-US')} providers to begin with`);
    const known = await writeMonthlyZip(monthlyIn(bed, 'September'), rows);
    await bed.runUpdate();
    const phases = { 'no load': await searchDuring(bed, () => sleep(referenceMs)) };
    const measured: Record<string, Searched> = phases;
    const historyMb: Record<string, number> = {};
    for (const { name, prepare, input } of loads(bed, known, rows)) {
      await prepare();
      measured[name] = await measure(bed, input);
      historyMb[name] = await historyMbOf(bed);
      measured[`${name}, rolled back`] = await measure(bed, { rollback: 'back' });
      measured[`${name}, forward again`] = await measure(bed, { rollback: 'forward' });
    }
    await makeOld(bed);
    measured['adoption'] = await searchDuring(bed, () => adopt(bed));
    if (json) say(JSON.stringify({ providers: rows, phases: measured, historyMb }));
    else print(measured, phases['no load'].p99Ms, historyMb);
  } finally {
    await bed.close();
  }
}

interface Load {
  readonly name: string;
  /** Puts the zip on the page. */
  prepare(): Promise<unknown>;
  readonly input?: NpiUpdateInput;
}

const loads = (bed: Bed, known: KnownProviders, rows: number): readonly Load[] => [
  { name: 'weekly', prepare: () => writeWeek(bed, { start: '2026-09-14', end: '2026-09-20' }, known) },
  {
    name: 'baseline',
    prepare: () => writeMonthlyZip(monthlyIn(bed, 'October'), rows, '2026-10-11'),
    input: { replace: true },
  },
  { name: 'deactivation report', prepare: () => writeReport(bed, known) },
];

function historyMbOf({ database }: Bed): Promise<number> {
  return database.session(forever, async (session) => {
    await session.query(`ANALYZE TABLE ${schemas.scheduler}.npi_version`);
    return (await historyBytes(session)) / 1e6;
  });
}

const monthlyIn = ({ site }: Bed, month: string) =>
  join(site, `NPPES_Data_Dissemination_${month}_2026_V2.zip`);

/** Measures the run of one release, without the start of the worker. */
async function measure(bed: Bed, input?: NpiUpdateInput): Promise<Searched> {
  let searched: Searched | undefined;
  const { result } = await bed.runUpdate(input, async (update) => {
    searched = await searchDuring(bed, update);
  });
  const isDone = input?.rollback ? result.remarks.length > 0 : result.releases.length === 1;
  if (!isDone || !searched)
    throw new Error(`Expected the run to load or move one release, but its outcome is: ${result.outcome}.`);
  return searched;
}

/** Writes a report with everyone who is deactivated, and as many more as in a week. */
async function writeReport({ site }: Bed, { full, stubs, updated }: KnownProviders): Promise<void> {
  const entries = Array.from({ length: stubs + 700 }, (_, i): ReportEntry => {
    const index = full + stubs - 1 - i;
    return { npi: sampleNpi(index), date: dayOf(updated, hash(index, 4)) };
  });
  await writeReportZip(join(site, 'NPPES_Deactivated_NPI_Report_101226_V2.zip'), '101226', entries);
}

/** Makes the tables look as they do before an adoption: no primary key, a narrow name, nothing from this service. */
async function makeOld({ database }: Bed): Promise<void> {
  const { data, search } = liveTables(schemas);
  const asOld = ['DROP PRIMARY KEY', 'ADD KEY idx_npi (npi)'];
  const provenance = ['DROP COLUMN data_release', 'DROP COLUMN deactivation_release'];
  await database.session(forever, async (session) => {
    for (const type of [0, 1, 2] as const)
      await session.query(
        `ALTER TABLE ${data(type)} ${[...asOld, ...provenance, 'MODIFY provider_first_name VARCHAR(20)'].join(', ')}`,
      );
    for (const { kind, suffix } of searchTables())
      await session.query(`ALTER TABLE ${search(kind, suffix)} ${asOld.join(', ')}`);
    await session.query(`DROP DATABASE ${schemas.scheduler}`);
  });
}

async function adopt({ env }: Bed): Promise<void> {
  const child = spawn(process.execPath, [cli, 'db', 'adopt', '--json'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  if (code !== 0) throw new Error(`surgicase db adopt exited with ${code}:\n${stderr}`);
}

function print(
  measured: Readonly<Record<string, Searched>>,
  referenceP99Ms: number,
  historyMb: Readonly<Record<string, number>>,
): void {
  const allowedMs = Math.max(3 * referenceP99Ms, 25);
  sayTable(
    [
      'operation',
      'seconds',
      'searches',
      'errors',
      'wrong',
      'p50 ms',
      'p99 ms',
      'max ms',
      'p99 allowed',
      'verdict',
    ],
    Object.entries(measured).map(([name, { seconds, searches, errors, wrong, p50Ms, p99Ms, mostMs }]) => {
      const isGood = errors === 0 && wrong === 0 && p99Ms <= allowedMs && mostMs <= longestWaitMs;
      const ms = [p50Ms, p99Ms, mostMs, allowedMs].map((value) => value.toFixed(1));
      return [
        name,
        seconds.toFixed(1),
        String(searches),
        String(errors),
        String(wrong),
        ...ms,
        isGood ? 'good' : 'BAD',
      ];
    }),
  );
  for (const [name, mb] of Object.entries(historyMb))
    say(`history on the server's disk after the ${name}: ${mb.toFixed(0)} MB`);
}
