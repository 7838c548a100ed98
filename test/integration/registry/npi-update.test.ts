import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { npiColumns } from '../../../db/schema/npi-columns.ts';
import { searchLetters } from '../../../db/schema/tables.ts';
import { sampleHeader } from '../../../local/sample/provider.ts';
import { knownLines } from '../../../local/sample/rows.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  stub,
  writeWeekly,
  type RowSpec,
} from '../../generated/release-zip.ts';

const real = new URL('../../../../shared/nppes/real/npidata_pfile_20260914-20260920.csv', import.meta.url);
if (!existsSync(real)) console.warn('SKIPPED: loading real rows needs the folder ../shared');

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('npi_update');
});
afterEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const weeks = ['20260907-20260913', '20260914-20260920'] as const;
const offer = (week: 0 | 1, rows: readonly RowSpec[]) =>
  writeWeekly(pipeline.site, weeks[week], npidataCsv(rows));

async function tables(): Promise<unknown> {
  const provenance = 'data_release, deactivation_release';
  const data = [0, 1, 2].map((type) =>
    pipeline.query(`SELECT *, ${provenance} FROM npi_update_app.npi_data_${type} ORDER BY npi`),
  );
  const search = ['surgeon', 'facility'].flatMap((kind) =>
    ['all', ...searchLetters].map((suffix) =>
      pipeline.query(`SELECT * FROM npi_update_search.search_${kind}_${suffix} ORDER BY npi`),
    ),
  );
  return Promise.all([...data, ...search]);
}

const firstWeek = [
  individual(1, 'ÉCLAIR', '09/08/2026'),
  individual(2, 'SMITH', '09/08/2026', { 'Provider Organization Name (Legal Business Name)': '' }),
  individual(3, 'OLD', '09/10/2026'),
  individual(4, 'GONE', '09/08/2026'),
  organization(5, '3M HEALTH', '09/08/2026'),
  organization(6, 'MOVER', '09/08/2026'),
  stub(7, '09/09/2026'),
  individual(8, 'TWICE', '09/08/2026'),
  individual(8, 'TWICE NEWER', '09/09/2026'),
  individual(9, 'AGAIN', '09/08/2026', { 'NPI Reactivation Date': '09/18/2026' }),
];
const secondWeek = [
  individual(1, 'ÉCLAIR', '09/08/2026'),
  individual(2, 'SMYTHE', '09/15/2026'),
  individual(3, 'TOO OLD', '09/01/2026'),
  stub(4, '09/16/2026'),
  individual(6, 'ØRSTED', '09/16/2026'),
  individual(7, 'REACTIVATED', '09/17/2026', {
    'NPI Deactivation Date': '09/09/2026',
    'NPI Reactivation Date': '09/17/2026',
  }),
  stub(9, '09/17/2026'),
  organization(10, 'ŁÓDŹ CLINIC', '09/15/2026'),
  { NPI: '1234567890', 'Entity Type Code': '1' },
  stub(11, '09/16/2026'),
];

/** The NPIs of each search table after both weeks. */
const expectedSearch = Object.fromEntries(
  Object.entries({
    surgeon_e: [1],
    surgeon_o: [3, 6],
    surgeon_s: [2],
    surgeon_g: [],
    surgeon_r: [7],
    surgeon_t: [8],
    facility_a: [5],
    facility_l: [10],
    surgeon_all: [1, 2, 3, 6, 7, 8, 9],
    facility_all: [5, 10],
  }).map(([table, indexes]) => [table, indexes.map(npi)]),
);

describe('the weekly refresh', () => {
  it('publishes two weeks, oldest first, and accounts for each row', async () => {
    await offer(1, secondWeek);
    await offer(0, firstWeek);
    const { outcome, releases } = await pipeline.run();
    expect(outcome).toBe('published');
    expect(releases.map(({ counts }) => counts)).toEqual([
      {
        rows: 10,
        inserted: 9,
        updated: 0,
        unchanged: 0,
        stale: 0,
        deactivated: 1,
        refused: 0,
        duplicates: 1,
      },
      {
        rows: 10,
        inserted: 2,
        updated: 4,
        unchanged: 1,
        stale: 2,
        deactivated: 2,
        refused: 1,
        duplicates: 0,
      },
    ]);
    expect(releases[1]?.refusedByReason).toEqual({ 'NPI check digit is wrong': 1 });
    const log = await pipeline.query(
      'SELECT filename_processed, total_rows, total_0_rows FROM npi_update_app.npi_update_log',
    );
    expect(log).toEqual([
      { filename_processed: `npidata_pfile_${weeks[0]}.csv`, total_rows: 10, total_0_rows: 1 },
      { filename_processed: `npidata_pfile_${weeks[1]}.csv`, total_rows: 10, total_0_rows: 3 },
    ]);
    expect(readdirSync(pipeline.archive)).toHaveLength(2);
  });

  it('lists each provider in the search tables of its kind and letter only', async () => {
    await offer(0, firstWeek);
    await offer(1, secondWeek);
    await pipeline.run();
    const listed: Record<string, string[]> = {};
    for (const table of Object.keys(expectedSearch)) {
      const rows = await pipeline.query<{ npi: number }>(
        `SELECT npi FROM npi_update_search.search_${table} ORDER BY npi`,
      );
      listed[table] = rows.map((row) => String(row.npi));
    }
    expect(listed).toEqual(expectedSearch);
  });

  it('leaves the same tables when the later week comes first', async () => {
    await offer(0, firstWeek);
    await offer(1, secondWeek);
    await pipeline.run();
    const inOrder = await tables();
    await pipeline.reset();
    await offer(1, secondWeek);
    await pipeline.run();
    await offer(0, firstWeek);
    await pipeline.run();
    expect(await tables()).toEqual(inOrder);
  });

  it('loads a file once, and nothing changes when its ledger entry is lost', async () => {
    await offer(0, firstWeek);
    await pipeline.run();
    const once = await tables();
    expect((await pipeline.run()).outcome).toBe('nothing due');
    await pipeline.query('DELETE FROM npi_update_own.npi_release');
    const [again] = (await pipeline.run()).releases;
    expect(again?.counts).toMatchObject({ inserted: 0, updated: 0, unchanged: 9, duplicates: 1 });
    expect(await tables()).toEqual(once);
  });

  it('publishes nothing in a dry run, and says what it would load', async () => {
    await offer(0, firstWeek);
    const before = await tables();
    const { outcome, releases } = await pipeline.run({ dryRun: true });
    expect([outcome, releases[0]?.counts.inserted]).toEqual(['dry run', 9]);
    expect(await tables()).toEqual(before);
    expect((await pipeline.run()).outcome).toBe('published');
  });

  it('keeps the good week before a bad one, and names the problem', async () => {
    await offer(0, firstWeek);
    await writeWeekly(pipeline.site, weeks[1], npidataCsv(secondWeek).slice(0, -2));
    await expect(pipeline.run()).rejects.toMatchObject({ cause: { type: 'FileDamaged' } });
    const [{ providers } = { providers: 0 }] = await pipeline.query<{ providers: number }>(
      'SELECT COUNT(*) AS providers FROM npi_update_app.npi_data_1',
    );
    expect(providers).toBe(6);
    const leftovers = await pipeline.query("SHOW TABLES FROM npi_update_own LIKE 'npi_stage%'");
    expect(leftovers).toEqual([]);
  });
});

/** Loads a week with this content. Gives the headers of the values that differ from an independent reading. */
async function differences(content: string | Buffer): Promise<string[]> {
  await writeWeekly(pipeline.site, weeks[0], content);
  const [release] = (await pipeline.run()).releases;
  const rows: Record<string, string>[] = parse(content, { columns: true });
  expect(release?.counts).toMatchObject({ rows: rows.length, refused: 0 });
  const found = await Promise.all(
    [0, 1, 2].map((type) =>
      pipeline.query<Record<string, unknown>>(`SELECT * FROM npi_update_app.npi_data_${type}`),
    ),
  );
  const byNpi = new Map(found.flat().map((row) => [String(row['npi']), row]));
  const differing = new Set<string>();
  for (const row of rows) {
    const stored = byNpi.get(row['NPI'] ?? '');
    for (const { name, header } of npiColumns) {
      const value = row[header] === 'NULL' && /License Number State/.test(header) ? '' : row[header];
      if (String(stored?.[name]) !== value) differing.add(header);
    }
  }
  expect(byNpi.size).toBe(new Set(rows.map((row) => row['NPI'])).size);
  return [...differing];
}

it('400 generated rows match an independent reading cell by cell', async () => {
  const known = { full: 390, stubs: 10, firstNew: 400, updated: { start: '2006-01-01', end: '2026-09-06' } };
  expect(await differences(sampleHeader + Array.from(knownLines(known)).join(''))).toEqual([]);
});

it.skipIf(!existsSync(real))('399 real rows match an independent reading cell by cell', async () => {
  expect(await differences(readFileSync(real))).toEqual([]);
});
