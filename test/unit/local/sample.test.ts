import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceTables } from '../../../db/schema/reference-tables.ts';
import { sampleHeader } from '../../../local/sample/provider.ts';
import { deactivatedAfter, knownAfter, knownLines, weekLines, weekMix } from '../../../local/sample/rows.ts';
import { addNextWeek, prepareSample } from '../../../local/sample/weeks.ts';
import { npidataHeader } from '../../../nppes/rows/header.ts';
import { hasCheckDigit } from '../../../nppes/rows/npi.ts';
import { npidataMember, openZip, referenceMember, type Member } from '../../../nppes/transfer/zip.ts';

const rows = 1000;
const periods = [
  { start: '2026-09-07', end: '2026-09-13' },
  { start: '2026-09-14', end: '2026-09-20' },
] as const;
const first = { period: periods[0], rows };
const second = { period: periods[1], rows, known: knownAfter(first) };
const mix = weekMix(rows);

type Row = Record<string, string>;
const read = (lines: Iterable<string>): Row[] =>
  parse(sampleHeader + Array.from(lines).join(''), { columns: true, relax_column_count: true });
const byNpi = (list: readonly Row[]) => new Map(list.map((row) => [row['NPI'] ?? '', row]));
const isFull = (row: Row) => row['Entity Type Code'] === '1' || row['Entity Type Code'] === '2';
const isWhole = (row: Row) => Object.keys(row).length === npidataHeader.length;
const isGood = (row: Row) =>
  hasCheckDigit(row['NPI'] ?? '') && isWhole(row) && row['Entity Type Code'] !== '3';

describe('a generated week', () => {
  const week1 = read(weekLines(first));
  const week2 = read(weekLines(second));

  it('has the promised rows, columns and refused rows', () => {
    expect(week1).toHaveLength(rows);
    expect(week2).toHaveLength(rows);
    expect(sampleHeader.trim().split(',')).toHaveLength(330);
    for (const week of [week1, week2]) expect(week.filter((row) => !isGood(row))).toHaveLength(mix.refused);
  });

  it('has the mix of a real week', () => {
    const real = weekMix(34_009);
    const { inserted, changed, stubs, reactivated, unchanged } = real;
    expect({ inserted, stubs, reactivated, unchanged }).toEqual({
      inserted: 13_547,
      stubs: 682,
      reactivated: 45,
      unchanged: 5867,
    });
    expect(changed).toBe(13_868 - 29);
    expect(Object.values(real).reduce((sum, count) => sum + count)).toBe(34_009);
  });

  it('changes providers of the first week in the second week', () => {
    const known = byNpi(week1.filter(isGood));
    const good = week2.filter(isGood);
    const full = good.filter(isFull);
    const of = (row: Row) => known.get(row['NPI'] ?? '');
    const same = full.filter((row) => JSON.stringify(of(row)) === JSON.stringify(row));
    expect(same).toHaveLength(mix.unchanged);
    expect(full.filter((row) => !of(row))).toHaveLength(mix.inserted);
    const stubs = good.filter((row) => !isFull(row));
    expect(stubs).toHaveLength(mix.stubs);
    expect(stubs.every((row) => isFull(of(row) ?? {}))).toBe(true);
    expect(full.filter((row) => row['NPI Reactivation Date'] && !isFull(of(row) ?? {}))).toHaveLength(
      mix.reactivated,
    );
    const moved = full.filter(
      (row) => isFull(of(row) ?? {}) && of(row)?.['Entity Type Code'] !== row['Entity Type Code'],
    );
    expect(moved).toHaveLength(mix.typeChanges);
    expect(good.length - byNpi(good).size).toBe(mix.duplicates);
    const key = (row: Row | undefined) => (row?.['Last Update Date'] ?? '').replace(/(.{6})(.{4})/, '$2$1');
    expect(full.filter((row) => of(row) && key(row) < key(of(row)))).toHaveLength(mix.stale);
  });

  it('deactivates the providers that the report after it lists, newest first', () => {
    const stubs = week1.filter((row) => isGood(row) && !isFull(row));
    const listed = deactivatedAfter(first);
    const days = listed.map(({ date }) => date.replace(/(.{5}).(.{4})/, '$2$1'));
    expect(days).toEqual(days.toSorted().reverse());
    const inReport = listed.map(({ npi, date }) => `${npi} ${date}`);
    expect(inReport.toSorted()).toEqual(
      stubs.map((row) => `${row['NPI']} ${row['NPI Deactivation Date']}`).sort(),
    );
  });

  it('is the same each time it is generated', () => {
    expect(Array.from(weekLines(second)).join('')).toBe(Array.from(weekLines(second)).join(''));
  });

  it('works with any number of known providers', () => {
    const known = {
      full: 800,
      stubs: 100,
      firstNew: 900,
      updated: { start: '2006-01-01', end: '2026-09-06' },
    };
    const base = byNpi(read(knownLines(known)));
    expect(base.size).toBe(900);
    const week = read(weekLines({ period: periods[0], rows, known })).filter(isGood);
    expect(week.filter((row) => !base.has(row['NPI'] ?? ''))).toHaveLength(mix.inserted);
  });
});

describe('the sample folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'surgicase-sample-'));
  beforeAll(() => prepareSample(folder, '2026-11-24'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('holds one past week, a monthly and a report, and can add one more week', async () => {
    const [week, monthly, report] = [
      'NPPES_Data_Dissemination_110926_111526_Weekly_V2.zip',
      'NPPES_Data_Dissemination_November_2026_V2.zip',
      'NPPES_Deactivated_NPI_Report_111626_V2.zip',
    ];
    expect(readdirSync(folder).sort()).toEqual([week, monthly, report]);
    const before = readFileSync(join(folder, week));
    await prepareSample(folder, '2026-12-24');
    await addNextWeek(folder);
    await addNextWeek(folder);
    expect(readdirSync(folder)).toHaveLength(4);
    expect(readdirSync(folder)).toContain('NPPES_Data_Dissemination_111626_112226_Weekly_V2.zip');
    expect(readFileSync(join(folder, week)).equals(before)).toBe(true);
  });

  it('has every member of a CMS zip', async () => {
    const zip = await openZip(join(folder, 'NPPES_Data_Dissemination_110926_111526_Weekly_V2.zip'));
    try {
      expect(npidataMember(zip).name).toBe('npidata_pfile_20261109-20261115.csv');
      expect(zip.members.filter(({ name }) => name.endsWith('_fileheader.csv'))).toHaveLength(4);
      expect(zip.members.filter(({ name }) => name.endsWith('.pdf'))).toHaveLength(2);
      expect(zip.members).toHaveLength(10);
    } finally {
      zip.close();
    }
  });

  it('has reference files with rows of providers of the week, a few of them twice', async () => {
    const zip = await openZip(join(folder, 'NPPES_Data_Dissemination_110926_111526_Weekly_V2.zip'));
    try {
      const lines = async (member: Member | undefined) => (member ? text(await member.open()) : '');
      const providers = (await lines(npidataMember(zip))).matchAll(/^"(\d{10})"/gm);
      const known = new Set(Array.from(providers, ([, npi]) => npi));
      for (const { file, columns } of referenceTables) {
        const [header, ...found] = parse(await lines(referenceMember(zip, file)));
        expect(header).toEqual(columns.map((column) => column.header));
        expect(found.length).toBeGreaterThan(500);
        expect(found.filter(([npi = '']) => !known.has(npi))).toEqual([]);
        const distinct = new Set(found.map((fields) => fields.join('|')));
        expect(distinct.size < found.length).toBe(file === 'pl');
      }
    } finally {
      zip.close();
    }
  });
});
