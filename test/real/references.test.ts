import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceTables, type ReferenceTable } from '../../db/schema/reference-tables.ts';
import { startPipeline, type Pipeline } from '../bed/pipeline.ts';
import { npidataCsv, writeMonthly, writeWeekly } from '../generated/release-zip.ts';

const name = 'npi_references_real';
const real = new URL('../../../shared/nppes/real/', import.meta.url);
const placeOf = ({ file }: ReferenceTable) => new URL(`${file}_pfile_20251103-20251109.csv`, real);
const isThere = referenceTables.every((table) => existsSync(placeOf(table)));
if (!isThere) console.warn('SKIPPED: loading real reference files needs the folder ../shared');

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_REFERENCE_FILES: 'on', NPI_BASELINE: 'never' });
});
afterAll(() => pipeline.stop());

/** The lines of a file by their bytes, each once, in the order of NPI and line: the fields as csv-parse reads them. */
function expectedRows(table: ReferenceTable): string[][] {
  const [header = '', ...lines] = readFileSync(placeOf(table), 'utf8').trimEnd().split('\n');
  const distinct = new Set(lines);
  const isNew = header.split(',').length === table.columns.length;
  return parse([...distinct].join('\n'), { relax_quotes: false })
    .map((fields, i) => ({ fields: isNew ? fields : [...fields, ''], i }))
    .sort((a, b) => Number(a.fields[0]) - Number(b.fields[0]) || a.i - b.i)
    .map(({ fields }) => fields);
}

async function storedRows({ name: table, columns }: ReferenceTable, releaseId: number): Promise<string[][]> {
  const names = columns.map((column) => column.name);
  const rows = await pipeline.query<Record<string, unknown>>(
    `SELECT ${names.join(', ')}, data_release FROM ${name}_app.${table} ORDER BY npi, row_no`,
  );
  expect(rows.filter((row) => row['data_release'] !== releaseId)).toEqual([]);
  return rows.map((row) => names.map((column) => String(row[column])));
}

describe.skipIf(!isThere)('real reference files', () => {
  it('loaded as a week, as the next week and as a monthly match the tables cell by cell', async () => {
    const files = Object.fromEntries(
      referenceTables.map((table) => [table.file, readFileSync(placeOf(table))]),
    );
    const loads: readonly [number, () => Promise<string>][] = [
      [202511090001, () => writeWeekly(pipeline.site, '20251103-20251109', npidataCsv([]), undefined, files)],
      [202511160001, () => writeWeekly(pipeline.site, '20251110-20251116', npidataCsv([]), undefined, files)],
      [202512071001, () => writeMonthly(pipeline.site, 'December_2025', '20251207', [], undefined, files)],
    ];
    for (const [releaseId, write] of loads) {
      await write();
      const { releases } = await pipeline.run({ replace: releaseId === 202512071001 });
      for (const table of referenceTables) {
        const wanted = expectedRows(table);
        expect((await storedRows(table, releaseId)).length).toBe(wanted.length);
        // Not `toEqual`, whose message would show the rows of real people.
        expect(JSON.stringify(await storedRows(table, releaseId)) === JSON.stringify(wanted)).toBe(true);
        const lines = readFileSync(placeOf(table), 'utf8').trimEnd().split('\n').length - 1;
        expect(releases.flatMap(({ references = [] }) => references)).toContainEqual({
          table: table.name,
          rows: lines,
          written: wanted.length,
          duplicates: lines - wanted.length,
          stale: 0,
          refused: 0,
        });
      }
    }
  });
});
