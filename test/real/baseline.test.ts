import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { npiColumns } from '../../db/schema/npi-columns.ts';
import { startPipeline, type Pipeline } from '../bed/pipeline.ts';
import { writeWeekly } from '../generated/release-zip.ts';

const name = 'npi_real';
const shared = new URL('../../shared/nppes/', import.meta.url);
const monthly = new URL('real/npidata_pfile_20050523-20260913.csv', shared);
const weekly = new URL('real/npidata_pfile_20260914-20260920.csv', shared);
const isThere = existsSync(monthly) && existsSync(weekly);
if (!isThere) console.warn('SKIPPED: loading real monthlies needs the folder ../shared');

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
afterEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

type Row = Readonly<Record<string, string>>;
/** A provider as the contract requires: the number of its table, and its values by column name. */
interface Provider {
  readonly table: number;
  readonly row: Row;
}

const [deactivation, reactivation, update] = [
  'NPI Deactivation Date',
  'NPI Reactivation Date',
  'Last Update Date',
];
const sortable = (date = '') => date.replace(/^(..)\/(..)\/(....)$/, '$3$1$2');
const dateOf = (row: Row) => sortable(row['Entity Type Code'] ? row[update] : row[deactivation]);

/** Rules 3 and 4 within one file. */
function winners(rows: readonly Row[]): Map<string, Row> {
  const best = new Map<string, Row>();
  for (const row of rows) {
    const known = best.get(row['NPI'] ?? '');
    const rank = (of: Row) => `${of['Entity Type Code'] ? 1 : 0}${dateOf(of)}`;
    if (known === undefined || rank(row) >= rank(known)) best.set(row['NPI'] ?? '', row);
  }
  return best;
}

/** Rules 1, 3 and 4 for a release that is newer than all known ones. */
function apply(known: Map<string, Provider>, rows: readonly Row[]): void {
  for (const [key, row] of winners(rows)) {
    const old = known.get(key);
    if (row['Entity Type Code']) {
      const isOlder = old !== undefined && old.table !== 0 && dateOf(row) < sortable(old.row[update]);
      if (!isOlder) known.set(key, { table: Number(row['Entity Type Code']), row });
    } else if (old === undefined) known.set(key, { table: 0, row });
    else if (!old.row[reactivation] || sortable(row[deactivation]) > sortable(old.row[reactivation]))
      known.set(key, { ...old, row: { ...old.row, [deactivation]: row[deactivation] ?? '' } });
  }
}

/** The differences between the tables and the expected rows, as column names only. */
async function differences(wanted: ReadonlyMap<string, Provider>): Promise<string[]> {
  const found = new Map<string, { table: number; row: Record<string, unknown> }>();
  for (const table of [0, 1, 2]) {
    const rows = await pipeline.query<Record<string, unknown>>(`SELECT * FROM ${name}_app.npi_data_${table}`);
    for (const row of rows) found.set(String(row['npi']), { table, row });
  }
  const wrong = new Set<string>();
  if (found.size !== wanted.size) wrong.add(`${found.size} providers instead of ${wanted.size}`);
  for (const [key, { table, row }] of wanted) {
    const stored = found.get(key);
    if (stored?.table !== table) wrong.add(`a provider is not in table ${table}`);
    for (const { name: column, header } of npiColumns) {
      const isNull = row[header] === 'NULL' && /License Number State/.test(header);
      if (String(stored?.row[column]) !== (isNull ? '' : row[header])) wrong.add(header);
    }
  }
  return [...wrong];
}

describe.skipIf(!isThere)('real files', () => {
  it('a monthly, a weekly, and the monthly again as a weekly match the tables cell by cell', async () => {
    const [first, second] = [monthly, weekly].map((file) => readFileSync(file)) as [Buffer, Buffer];
    const wanted = new Map<string, Provider>();
    const releases: readonly [string, Buffer, string?][] = [
      ['20050523-20260913', first, 'NPPES_Data_Dissemination_September_2026_V2.zip'],
      ['20260914-20260920', second],
      ['20260921-20260927', first],
    ];
    for (const [period, content, fileName] of releases) {
      await writeWeekly(pipeline.site, period, content, fileName);
      const rows: Row[] = parse(content, { columns: true });
      apply(wanted, rows);
      const [release] = (await pipeline.run()).releases;
      expect(release?.counts).toMatchObject({ rows: rows.length, refused: 0 });
      expect(await differences(wanted)).toEqual([]);
    }
    const listed = [...wanted.values()].filter(({ row }) => {
      const [gone, back] = [sortable(row[deactivation]), sortable(row[reactivation])];
      return gone === '' || (back !== '' && back >= gone);
    });
    for (const [table, kind] of [
      [1, 'surgeon'],
      [2, 'facility'],
    ] as const) {
      const rows = await pipeline.query(`SELECT npi FROM ${name}_search.search_${kind}_all`);
      expect(rows).toHaveLength(listed.filter((provider) => provider.table === table).length);
    }
  });
});
