import { Readable } from 'node:stream';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBlock } from '../../../db/registry/bulk-load.ts';
import { npiColumns } from '../../../db/schema/npi-columns.ts';
import { cases } from '../../bed/extent.ts';
import type { RowBlock } from '../../../nppes/rows/row-block.ts';
import { npidataHeader } from '../../../nppes/rows/header.ts';
import { npiCheckDigit } from '../../../nppes/rows/npi.ts';
import { readRows } from '../../../nppes/rows/row-stream.ts';

const npi = (index: number) => {
  const nine = String(100_000_000 + index);
  return nine + npiCheckDigit(nine);
};
const quoted = (fields: readonly string[]) =>
  fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',');
const row = (values: Readonly<Record<string, string>>, header = npidataHeader) =>
  quoted(header.map((name) => values[name] ?? ''));
const individual = (index: number, more = {}) =>
  row({ NPI: npi(index), 'Entity Type Code': '1', 'Provider Last Name (Legal Name)': `N${index}`, ...more });
const csv = (lines: readonly string[], header = npidataHeader) => [quoted(header), ...lines, ''].join('\n');

async function read(
  content: string | Buffer,
  options: { chunk?: number; block?: number; after?: number } = {},
) {
  const bytes = Buffer.from(content as string);
  const { chunk = bytes.length, block = 1000, after = 0 } = options;
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, i) =>
    bytes.subarray(i * chunk, (i + 1) * chunk),
  );
  const blocks: RowBlock[] = [];
  for await (const one of readRows({
    member: Readable.from(chunks),
    wanted: npiColumns,
    rowsPerBlock: block,
    afterRow: after,
  })) {
    // A block is valid until the next one is requested.
    blocks.push({ ...one, tsv: Buffer.from(one.tsv) });
  }
  return {
    blocks,
    lines: blocks.flatMap(({ tsv }) => decodeBlock(tsv.toString())),
    refusals: blocks.flatMap(({ refusals }) => refusals),
  };
}

describe('rows of a member', () => {
  it('are staged with their number and every loaded column, characters unchanged', async () => {
    const odd = 'O"N\tE\\I\nL, É ';
    const { lines } = await read(csv([individual(1), individual(2, { 'Provider First Name': odd })]));
    expect(lines.map(([number, id]) => [number, id])).toEqual([
      ['1', npi(1)],
      ['2', npi(2)],
    ]);
    expect(lines[1]?.[1 + npiColumns.findIndex(({ name }) => name === 'provider_first_name')]).toBe(odd);
    expect(lines[0]).toHaveLength(197);
  });

  it.each([
    ['NPI is not ten digits', row({ NPI: '123', 'Entity Type Code': '1' })],
    ['NPI check digit is wrong', row({ NPI: '1234567890', 'Entity Type Code': '1' })],
    ['wrong number of fields', `"${npi(1)}","1"`],
    ['entity type is unknown', individual(1, { 'Entity Type Code': '3' })],
    ['value longer than its column', individual(1, { 'Provider First Name': 'x'.repeat(36) })],
    ['deactivated row without a date', row({ NPI: npi(1) })],
    ['malformed record', `"${npi(1)}"x,"1"`],
  ])('are refused: %s', async (reason, line) => {
    const { lines, refusals, blocks } = await read(csv([individual(7), line, individual(8)]));
    expect(refusals).toEqual([expect.objectContaining({ reason, rowNumber: 2, lineNumber: 3 })]);
    expect(lines.map(([number]) => number)).toEqual(['1', '3']);
    expect(blocks[0]?.rows).toBe(3);
  });

  it('compare characters, not bytes or UTF-16 units, with the width', async () => {
    const { refusals } = await read(csv([individual(1, { 'Provider First Name': '𝒜'.repeat(35) })]));
    expect(refusals).toEqual([]);
  });

  it('drop the word NULL in a license state, and nowhere else', async () => {
    const state = 'Provider License Number State Code_1';
    const { lines } = await read(
      csv([individual(1, { [state]: 'NULL', 'Provider Last Name (Legal Name)': 'NULL' })]),
    );
    const value = (name: string) => lines[0]?.[1 + npiColumns.findIndex((column) => column.header === name)];
    expect([value(state), value('Provider Last Name (Legal Name)')]).toEqual(['', 'NULL']);
  });

  it('can have a BOM, CRLF and older headers', async () => {
    const old = npidataHeader.slice(0, -1).map((name) => name.replace('Sex Code', 'Gender Code'));
    const lines = [row({ NPI: npi(1), 'Entity Type Code': '1', 'Provider Gender Code': 'F' }, old)];
    const { lines: staged } = await read(`\uFEFF${csv(lines, old).replaceAll('\n', '\r\n')}`);
    expect(staged[0]?.[1 + npiColumns.findIndex(({ name }) => name === 'provider_sex_code')]).toBe('F');
    expect(staged[0]?.at(-1)).toBe('');
  });

  it('replace and count bytes that are not UTF-8, but do not count a U+FFFD in the file', async () => {
    const bytes = Buffer.from(csv([individual(1, { 'Provider First Name': 'A~\uFFFD' })]));
    bytes[bytes.indexOf('~')] = 0xff;
    for (const chunk of [1, 7, 100_000]) {
      const { blocks, lines } = await read(bytes, { chunk });
      expect(blocks.at(-1)?.badUtf8Count).toBe(1);
      expect(lines[0]).toContain('A\uFFFD\uFFFD');
    }
  });

  it('report unknown columns', async () => {
    const { blocks } = await read(csv([`${individual(1)},"new"`], [...npidataHeader, 'Favourite Colour']));
    expect(blocks[0]?.newColumns).toEqual(['Favourite Colour']);
  });

  it.each([
    ['FileDamaged', csv([individual(1), `"${npi(2)}","1`])],
    ['FileDamaged', ''],
    [
      'ColumnMissing',
      csv(
        [individual(1)],
        npidataHeader.map((name) => (name === 'Provider First Name' ? 'Vorname' : name)),
      ),
    ],
  ])('fail with %s', async (code, content) => {
    await expect(read(content)).rejects.toMatchObject({ code });
  });
});

describe('any reading of the same bytes', () => {
  const field = fc.string({
    unit: fc.constantFrom('a', 'É', '"', '""', ',', '\n', '\r\n', '\t', '\\', ' ', '😀'),
    maxLength: 6,
  });
  const line = fc.oneof(
    fc
      .tuple(fc.nat(50), field)
      .map(([index, name]) => individual(index, { 'Provider Last Name (Legal Name)': name })),
    fc
      .tuple(fc.nat(50), field)
      .map(([index, junk]) => `"${npi(index)}",${junk}`.replaceAll('"', junk.length > 3 ? "'" : '"')),
    fc.constant(''),
  );

  it('gives the same rows wherever it is cut and resumed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 6 }),
        fc.integer({ min: 1, max: 2000 }),
        fc.nat(6),
        async (lines, chunk, after) => {
          const content = csv(lines);
          const outcome = (options: object) =>
            read(content, options).catch((error: { code: string }) => error.code);
          const whole = await outcome({});
          const cut = await outcome({ chunk, block: 2 });
          if (typeof whole === 'string' || typeof cut === 'string') {
            expect(cut).toEqual(whole);
            return;
          }
          expect(cut.lines).toEqual(whole.lines);
          expect(cut.refusals).toEqual(whole.refusals);
          const rest = await read(content, { chunk, after });
          expect(rest.lines).toEqual(whole.lines.filter(([number]) => Number(number) > after));
        },
      ),
      cases(12, 500),
    );
  });

  it('has the fields of csv-parse', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 20 }), async (names) => {
        const content = csv(
          names.map((name, i) => individual(i, { 'Provider Last Name (Legal Name)': name })),
        );
        const { lines } = await read(content, { chunk: 997 });
        const expected = parse(content, { columns: true }) as Record<string, string>[];
        expect(lines.map((fields) => fields.slice(1))).toEqual(
          expected.map((record) => npiColumns.map(({ header }) => record[header])),
        );
      }),
      cases(12, 500),
    );
  });
});
