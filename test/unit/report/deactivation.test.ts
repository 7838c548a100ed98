import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { readSheet } from 'read-excel-file/node';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeBlock } from '../../../db/registry/bulk-load.ts';
import { npiColumns } from '../../../db/schema/npi-columns.ts';
import { workbookMembers, zipped } from '../../../local/sample/report-zip.ts';
import type { RowBlock } from '../../../nppes/rows/row-block.ts';
import { readDeactivations, reportMember } from '../../../nppes/report/deactivation.ts';
import { openZip } from '../../../nppes/transfer/zip.ts';
import { cases, isExhaustive } from '../../bed/extent.ts';
import { npi, writeReport } from '../../generated/release-zip.ts';

const folder = mkdtempSync(join(tmpdir(), 'surgicase-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Reading {
  readonly rowsPerBlock?: number;
  readonly afterRow?: number;
}

async function read(path: string, { rowsPerBlock = 1000, afterRow = 0 }: Reading = {}) {
  const zip = await openZip(path);
  try {
    const blocks: RowBlock[] = [];
    const input = { member: reportMember(zip), wanted: npiColumns, rowsPerBlock, afterRow };
    for await (const block of readDeactivations(input)) {
      // A block is valid until the next one is requested.
      blocks.push({ ...block, tsv: Buffer.from(block.tsv) });
    }
    const lines = blocks.flatMap(({ tsv }) => decodeBlock(tsv.toString()));
    return { blocks, lines, refusals: blocks.flatMap(({ refusals }) => refusals) };
  } finally {
    zip.close();
  }
}

/** Writes a report whose workbook has these members. */
async function report(members: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, 'NPPES_Deactivated_NPI_Report_101226_V2.zip');
  const outer = { 'report.xlsx': await zipped(members) };
  writeFileSync(path, await zipped(outer));
  return path;
}

const dateAt = npiColumns.findIndex(({ header }) => header === 'NPI Deactivation Date');
const entries = (lines: readonly (readonly string[])[]) =>
  lines.map((fields) => [fields[0], fields[1], fields[1 + dateAt]]);

const header = '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>';
const headerTexts = ['<t>NPI</t>', '<t>NPPES Deactivation Date</t>'];
const inline = (text: string) => `<c t="inlineStr"><is><t>${text}</t></is></c>`;
const row = (...texts: readonly string[]) => `<row>${texts.map(inline).join('')}</row>`;
const sheet = (rows: string, texts: readonly string[] = []) =>
  report(workbookMembers(header + rows, [...headerTexts, ...texts]));

describe('a deactivation report', () => {
  it('becomes stubs: NPI and date, every other column empty, numbered from 1', async () => {
    const name = await writeReport(folder, '101226', [
      { npi: npi(1), date: '10/11/2026' },
      { npi: npi(2), date: '10/10/2026' },
    ]);
    const { lines, blocks } = await read(join(folder, name));
    expect(entries(lines)).toEqual([
      ['1', npi(1), '10/11/2026'],
      ['2', npi(2), '10/10/2026'],
    ]);
    for (const fields of lines) {
      expect(fields).toHaveLength(1 + npiColumns.length);
      expect(fields.filter((value) => value !== '')).toHaveLength(3);
    }
    expect(blocks).toHaveLength(1);
    expect(blocks[0]).toMatchObject({ rows: 2, stagedRows: 2, typeRows: [2, 0, 0], lastRowNumber: 2 });
    const { lines: keys } = blocks[0] as RowBlock;
    expect([keys.npis[1], keys.types[1], keys.dates[1], keys.isListed[1]]).toEqual([
      Number(npi(2)),
      0,
      20_261_010,
      0,
    ]);
  });

  it('reads shared texts in runs, inline texts, numbers, entities and any column', async () => {
    const [first, second] = [npi(1), npi(2)];
    const texts = [
      `<r><rPr><b/></rPr><t>${first.slice(0, 4)}</t></r><r><t>${first.slice(4)}</t></r><rPh sb="0" eb="1"><t>9</t></rPh>`,
      '<t xml:space="preserve">10&#x2F;11/2026</t>',
    ];
    const rows =
      '<row r="5"><c r="A5" t="s"><v>2</v></c><c r="B5" t="s"><v>3</v></c></row>' +
      `<row r="6"><c r="B6" t="str"><f>x</f><v>10/11/2026</v></c><c r="A6"><v>${Number(second).toExponential()}</v></c></row>`;
    const { lines } = await read(await sheet(rows, texts));
    expect(entries(lines)).toEqual([
      ['1', first, '10/11/2026'],
      ['2', second, '10/11/2026'],
    ]);
  });

  it('reads any member names and column positions', async () => {
    const { 'xl/worksheets/sheet1.xml': content = '', ...others } = workbookMembers(
      '<x:row r="4"><x:c r="C4" t="inlineStr"><x:is><x:t>NPPES  deactivation DATE </x:t></x:is></x:c>' +
        '<x:c r="AA4" t="inlineStr"><x:is><x:t>NPI</x:t></x:is></x:c></x:row>' +
        `<x:row r="7"><x:c r="C7" t="inlineStr"><x:is><x:t>10/11/2026</x:t></x:is></x:c>` +
        `<x:c r="AA7" t="inlineStr"><x:is><x:t>${npi(1)}</x:t></x:is></x:c></x:row>`,
      [],
    );
    const rels = others['xl/_rels/workbook.xml.rels'] ?? '';
    const path = await report({
      ...others,
      'xl/_rels/workbook.xml.rels': rels.replace('worksheets/sheet1.xml', '/data/first.xml'),
      'data/first.xml': content,
    });
    expect(entries((await read(path)).lines)).toEqual([['1', npi(1), '10/11/2026']]);
  });

  it.each([
    ['NPI is not ten digits', row('12345', '10/11/2026'), undefined],
    ['NPI is not ten digits', row('', '10/11/2026'), undefined],
    ['NPI check digit is wrong', row('1234567890', '10/11/2026'), '1234567890'],
    ['deactivated row without a date', row(npi(3)), npi(3)],
    ['deactivated row without a date', row(npi(3), '2026-10-11'), npi(3)],
    ['deactivated row without a date', `<row>${inline(npi(3))}<c><v>46306</v></c></row>`, npi(3)],
  ])('refuses an entry: %s', async (reason, bad, known) => {
    const rows = row(npi(1), '10/11/2026') + bad + row(npi(2), '10/11/2026');
    const { lines, refusals, blocks } = await read(await sheet(rows));
    expect(entries(lines).map(([number]) => number)).toEqual(['1', '3']);
    expect(refusals).toEqual([
      { rowNumber: 2, lineNumber: 3, reason, ...(known !== undefined && { npi: known }) },
    ]);
    expect(blocks[0]).toMatchObject({ rows: 3, stagedRows: 2, typeRows: [3, 0, 0] });
  });

  it('does not count rows without text', async () => {
    const rows = `<row/>${row(npi(1), '10/11/2026')}<row><c s="1"/><c t="inlineStr"><is><t/></is></c></row><row/>`;
    const { blocks, lines } = await read(await sheet(rows));
    expect([blocks[0]?.rows, lines.length]).toEqual([1, 1]);
  });

  it('gives no blocks for no entries', async () => {
    expect((await read(await sheet(''))).blocks).toEqual([]);
  });

  it('resumes after any row with the same result', async () => {
    const rows = [1, 2, 3, 4, 5, 6, 7].map((i) => row(i === 3 ? 'bad' : npi(i), '10/11/2026'));
    const path = await sheet(rows.join(''));
    const whole = await read(path);
    for (const afterRow of [0, 1, 2, 3, 6, 7]) {
      const rest = await read(path, { rowsPerBlock: 2, afterRow });
      expect(rest.lines).toEqual(whole.lines.filter(([number]) => Number(number) > afterRow));
      expect(rest.refusals).toEqual(whole.refusals.filter(({ rowNumber }) => rowNumber > afterRow));
      expect(rest.blocks.map((block) => block.rows).reduce((sum, count) => sum + count, 0)).toBe(
        7 - afterRow,
      );
    }
  });
});

describe('a report that cannot be read', () => {
  const whole = workbookMembers(header + row(npi(1), '10/11/2026'), headerTexts);
  const at = 'xl/worksheets/sheet1.xml';
  const { [at]: content = '', ...withoutSheet } = whole;

  it.each([
    ['FileDamaged', 'its sheet is cut off', { ...whole, [at]: content.slice(0, -30) }],
    ['FileDamaged', 'its XML is broken', { ...whole, [at]: content.replace('</row>', '</rom>') }],
    ['FileDamaged', 'a text is missing', workbookMembers(header, headerTexts.slice(0, 1))],
    ['FileDamaged', 'the sheet is missing', withoutSheet],
    ['ColumnMissing', 'a header is missing', workbookMembers(row('NPI', 'Date'), [])],
    ['ColumnMissing', 'it has no header', workbookMembers(row('title') + row(npi(1), '10/11/2026'), [])],
  ])('fails with %s for %s, and quotes nothing from it', async (code, _what, members) => {
    const error: unknown = await read(await report(members)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).not.toMatch(/\d{10}|10\/11|rom/);
  });

  it('fails with MemberMissing, which names the expected member', async () => {
    const path = join(folder, 'without.zip');
    writeFileSync(path, await zipped({ 'readme.txt': 'x' }));
    await expect(read(path)).rejects.toMatchObject({
      code: 'MemberMissing',
      message: expect.stringMatching(/no \.xlsx .*readme\.txt/) as string,
    });
  });

  it('fails with ZipDamaged when its .xlsx is not a zip', async () => {
    const path = join(folder, 'damaged.zip');
    writeFileSync(path, await zipped({ 'report.xlsx': 'no zip' }));
    await expect(read(path)).rejects.toMatchObject({ code: 'ZipDamaged' });
  });
});

/** The entries that read-excel-file finds: texts below the header. */
async function entriesOfLibrary(xlsx: Buffer): Promise<readonly (readonly string[])[]> {
  const rows = await readSheet(xlsx, { trim: false, parseNumber: String });
  const from = rows.findIndex(([cell]) => cell === 'NPI') + 1;
  return rows.slice(from).map((cells) => cells.map((cell) => String(cell ?? '')));
}

describe('any report', () => {
  const escaped = (text: string) =>
    Array.from(text, (character) => `&#${character.codePointAt(0) ?? 0};`).join('');
  const forms: readonly ((text: string) => string)[] = [
    inline,
    (text) => `<c t="inlineStr"><is><t>${escaped(text)}</t></is></c>`,
    (text) => `<c t="str"><v>${text}</v></c>`,
  ];

  it('has the entries that read-excel-file finds', async () => {
    const entry = fc.record({
      index: fc.nat(500),
      day: fc.integer({ min: 10, max: 28 }),
      npiForm: fc.nat(2),
      dateForm: fc.nat(2),
      isBlankBefore: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 20 }), async (list) => {
        const rows = list.map(
          ({ index, day, npiForm, dateForm, isBlankBefore }) =>
            `${isBlankBefore ? '<row/>' : ''}<row>${forms[npiForm]?.(npi(index))}${forms[dateForm]?.(`10/${day}/2026`)}</row>`,
        );
        // The library requires an explicit reference in every cell.
        const placed = placedRows(header + rows.join(''));
        const members = workbookMembers(placed, headerTexts);
        const found = entries((await read(await report(members))).lines).map((fields) => fields.slice(1));
        const expected = await entriesOfLibrary(await zipped(members));
        expect(found).toEqual(expected.filter((cells) => cells.some((cell) => cell !== '')));
        expect(found).toHaveLength(list.length);
      }),
      cases(20, 200),
    );
  });
});

function placedRows(rows: string): string {
  let [number, column] = [0, 0];
  return rows.replaceAll(/<row|<c /g, (tag) => {
    if (tag === '<c ') return `<c r="${'AB'[column++] ?? ''}${number}" `;
    number += 1;
    column = 0;
    return `<row r="${number}"`;
  });
}

const real = fileURLToPath(
  new URL('../../../../shared/nppes/real/NPPES_Deactivated_NPI_Report_100923.zip', import.meta.url),
);
const isThere = existsSync(real);
if (!isThere) console.warn('SKIPPED: the real deactivation report is in the folder ../shared');

describe.runIf(isThere && isExhaustive)('the real report of October 2023', () => {
  it('has the 258,959 entries that read-excel-file finds, in blocks of any size', async () => {
    const zip = await openZip(real);
    const xlsx = await buffer(await reportMember(zip).open());
    zip.close();
    const expected = await entriesOfLibrary(xlsx);
    const { lines, refusals } = await read(real, { rowsPerBlock: 5000 });
    expect(refusals).toEqual([]);
    expect(lines).toHaveLength(258_959);
    const isSame = lines.every(
      (fields, i) => fields[1] === expected[i]?.[0] && fields[1 + dateAt] === expected[i]?.[1],
    );
    expect(isSame && expected.length === lines.length).toBe(true);
  });
});
