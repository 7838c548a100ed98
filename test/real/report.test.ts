import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportMember } from '../../nppes/report/deactivation.ts';
import { openZip, openZipBytes } from '../../nppes/transfer/zip.ts';
import { startPipeline, type Pipeline } from '../bed/pipeline.ts';
import { writeWeekly } from '../generated/release-zip.ts';

const name = 'npi_report_real';
const real = new URL('../../shared/nppes/real/', import.meta.url);
const providers = new URL('npidata_pfile_20050523-20260913.csv', real);
const report = fileURLToPath(new URL('NPPES_Deactivated_NPI_Report_100923.zip', real));
const isThere = existsSync(providers) && existsSync(report);
if (!isThere) console.warn('SKIPPED: loading a real deactivation report needs the folder ../shared');

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
afterAll(() => pipeline.stop());

type Row = Readonly<Record<string, string>>;
const sortable = (date = '') => date.replace(/^(..)\/(..)\/(....)$/, '$3$1$2');
const reportDay = '20231009';

/** Reads the report's XML in the simplest way: pairs of text cells below title and header. */
async function entriesOf(path: string): Promise<Map<string, string>> {
  const zip = await openZip(path);
  const xlsx = await openZipBytes(await buffer(await reportMember(zip).open()), 'the report');
  zip.close();
  const xml = async (part: string) => {
    const member = xlsx.members.find(({ name: found }) => found === part);
    return member ? text(await member.open()) : '';
  };
  const shared = [...(await xml('xl/sharedStrings.xml')).matchAll(/<t>([^<]*)<\/t>/g)].map(
    ([, found]) => found,
  );
  const cells = [...(await xml('xl/worksheets/sheet1.xml')).matchAll(/<v>(\d+)<\/v>/g)]
    .map(([, at]) => shared[Number(at)] ?? '')
    .slice(3);
  return new Map(cells.flatMap((cell, i) => (i % 2 === 0 ? [[cell, cells[i + 1] ?? '']] : [])));
}

/** Rule 4 for an entry and the provider's row, if there is one. */
function dateAfter(row: Row, date: string): string {
  const known = row['NPI Deactivation Date'] ?? '';
  const reactivation = sortable(row['NPI Reactivation Date']);
  if (reactivation !== '' && sortable(date) <= reactivation) return known;
  return sortable(row['Last Update Date']) > reportDay ? known : date;
}

/** A stub that is older than the report but not in it. Real files have a few. */
function isMissedBy(entries: ReadonlyMap<string, string>, row: Row): boolean {
  const date = sortable(row['NPI Deactivation Date']);
  return !row['Entity Type Code'] && date <= reportDay && !entries.has(row['NPI'] ?? '');
}

describe.runIf(isThere)('a real deactivation report', () => {
  it('deactivates the listed providers, keeps those updated later, and adds stubs of unknown ones', async () => {
    const csv = readFileSync(providers);
    await writeWeekly(pipeline.site, '20231002-20231008', csv);
    await pipeline.run();
    copyFileSync(report, join(pipeline.site, basename(report)));
    const { releases } = await pipeline.run();
    const entries = await entriesOf(report);
    const rows = parse(csv, { columns: true, bom: true }) as Row[];
    const unreported = rows.filter((row) => isMissedBy(entries, row)).length;
    expect(releases).toMatchObject([
      { counts: { rows: entries.size, refused: 0, duplicates: 0 }, unreported },
    ]);

    const wanted = new Map(entries);
    for (const row of rows) {
      const [npi = '', date = ''] = [row['NPI'], row['NPI Deactivation Date']];
      const named = entries.get(npi);
      wanted.set(npi, named === undefined ? date : dateAfter(row, named));
    }
    const found = await pipeline.query<{ npi: number; day: string | null }>(
      [0, 1, 2]
        .map((type) => `SELECT npi, npi_deactivation_date AS day FROM ${name}_app.npi_data_${type}`)
        .join(' UNION ALL '),
    );
    const isDifferent = found.filter(({ npi, day }) => wanted.get(String(npi)) !== (day ?? ''));
    expect([found.length, isDifferent.length]).toEqual([wanted.size, 0]);
    const [listed] = await pipeline.query<{ wrong: number }>(
      `SELECT COUNT(*) AS wrong FROM ${name}_search.search_surgeon_all s JOIN ${name}_app.npi_data_1 k USING (npi)
       WHERE k.npi_deactivation_date <> '' AND COALESCE(k.npi_reactivation_date, '') = ''`,
    );
    expect(listed).toEqual({ wrong: 0 });
  });
});
