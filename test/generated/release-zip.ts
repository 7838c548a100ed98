import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { writeReportZip, type ReportEntry } from '../../local/sample/report-zip.ts';
import { npidataHeader } from '../../nppes/rows/header.ts';
import { npiCheckDigit } from '../../nppes/rows/npi.ts';

/** A row by column names. Columns that are not named are empty. */
export type RowSpec = Readonly<Record<string, string>>;

/** A valid NPI for an index. */
export function npi(index: number): string {
  const nine = String(100_000_000 + index);
  return nine + npiCheckDigit(nine);
}

export const individual = (
  index: number,
  lastName: string,
  lastUpdate: string,
  more: RowSpec = {},
): RowSpec => ({
  NPI: npi(index),
  'Entity Type Code': '1',
  'Provider Last Name (Legal Name)': lastName,
  'Last Update Date': lastUpdate,
  ...more,
});

export const organization = (
  index: number,
  name: string,
  lastUpdate: string,
  more: RowSpec = {},
): RowSpec => ({
  NPI: npi(index),
  'Entity Type Code': '2',
  'Provider Organization Name (Legal Business Name)': name,
  'Last Update Date': lastUpdate,
  ...more,
});

export const stub = (index: number, deactivation: string): RowSpec => ({
  NPI: npi(index),
  'NPI Deactivation Date': deactivation,
});

const quoted = (fields: readonly string[]) =>
  fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',');

/** The CSV of `npidata_pfile_…`, as CMS writes it. */
export function npidataCsv(rows: readonly RowSpec[], header: readonly string[] = npidataHeader): string {
  return [quoted(header), ...rows.map((row) => quoted(header.map((name) => row[name] ?? ''))), ''].join('\n');
}

/** `20260914-20260920` -> the weekly's file name. */
export function weeklyName(period: string): string {
  const day = (text: string) => text.slice(4) + text.slice(2, 4);
  return `NPPES_Data_Dissemination_${period.split('-').map(day).join('_')}_Weekly_V2.zip`;
}

/** Writes a monthly zip. `month` is the part of its name, such as `September_2026`. */
export function writeMonthly(
  folder: string,
  month: string,
  periodEnd: string,
  rows: readonly RowSpec[],
  header: readonly string[] = npidataHeader,
  references: ReferenceMembers = noReferences,
): Promise<string> {
  const name = `NPPES_Data_Dissemination_${month}_V2.zip`;
  return writeWeekly(folder, `20050523-${periodEnd}`, npidataCsv(rows, header), name, references);
}

/** The content of the reference members by the beginning of their names, such as `pl`. */
export type ReferenceMembers = Readonly<Record<string, string | Buffer>>;

const noReferences: ReferenceMembers = { othername: '"NPI"\n', pl: '"NPI"\n', endpoint: '"NPI"\n' };

/** The CSV of a reference file, as CMS writes it: the header, and rows by position. */
export function referenceCsv(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, ...rows].map((fields) => `${quoted(fields)}\n`).join('');
}

/** Writes a weekly zip whose main member has this content. `period` is the part of the member's name. */
export async function writeWeekly(
  folder: string,
  period: string,
  csv: string | Buffer,
  fileName = weeklyName(period),
  references: ReferenceMembers = noReferences,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const zip = new ZipFile();
  // The same content gives the same zip at any time.
  const options = { mtime: new Date(Date.UTC(2026, 8, 1)) };
  const header = Buffer.from(`${quoted(npidataHeader)}\n`);
  zip.addBuffer(header, `npidata_pfile_${period}_fileheader.csv`, options);
  zip.addBuffer(Buffer.from(csv as string), `npidata_pfile_${period}.csv`, options);
  for (const [kind, content] of Object.entries(references))
    zip.addBuffer(Buffer.from(content as string), `${kind}_pfile_${period}.csv`, options);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(join(folder, fileName)));
  return fileName;
}

/** Writes a deactivation report; `day` is MMDDYY, as in its name. */
export async function writeReport(
  folder: string,
  day: string,
  entries: readonly ReportEntry[],
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const name = `NPPES_Deactivated_NPI_Report_${day}_V2.zip`;
  await writeReportZip(join(folder, name), day, entries);
  return name;
}
