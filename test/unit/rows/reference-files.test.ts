import { Readable } from 'node:stream';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBlock } from '../../../db/registry/bulk-load.ts';
import { referenceTables, type ReferenceTable } from '../../../db/schema/reference-tables.ts';
import { npiCheckDigit } from '../../../nppes/rows/npi.ts';
import { ByteWindow } from '../../../nppes/rows/byte-window.ts';
import { planLayout } from '../../../nppes/rows/layout.ts';
import { BlockBuffer, type Refusal } from '../../../nppes/rows/row-block.ts';
import { Scanner } from '../../../nppes/rows/scanner.ts';
import { readRows } from '../../../nppes/rows/row-stream.ts';
import { cases } from '../../bed/extent.ts';
import { npi, referenceCsv } from '../../generated/release-zip.ts';

const [otherNames, locations, endpoints] = referenceTables as [
  ReferenceTable,
  ReferenceTable,
  ReferenceTable,
];
const headerOf = (table: ReferenceTable) => table.columns.map(({ header }) => header);

interface Read {
  readonly rows: readonly (readonly string[])[];
  readonly refusals: readonly Pick<Refusal, 'rowNumber' | 'reason' | 'column'>[];
  readonly newColumns: readonly string[];
}

async function read(table: ReferenceTable, csv: string | Buffer, chunkBytes = 1 << 20): Promise<Read> {
  const bytes = Buffer.from(csv as string);
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, i) =>
    bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes),
  );
  const rows: string[][] = [];
  const refusals: Refusal[] = [];
  let newColumns: readonly string[] = [];
  const input = { member: Readable.from(chunks), wanted: table.columns, rowsPerBlock: 7, afterRow: 0 };
  for await (const block of readRows(input)) {
    rows.push(...decodeBlock(block.tsv.toString('utf8')));
    refusals.push(...block.refusals);
    newColumns = block.newColumns;
  }
  return { rows, refusals, newColumns };
}

describe('the header of a reference file', () => {
  const name = ['SAMPLE CLINIC', '3'];

  it('of 2025 has no creation date, which is empty then', async () => {
    const { rows, newColumns } = await read(
      otherNames,
      referenceCsv(headerOf(otherNames).slice(0, 3), [[npi(1), ...name]]),
    );
    expect(rows).toEqual([['1', npi(1), ...name, '']]);
    expect(newColumns).toEqual([]);
  });

  it("may have single spaces where CMS's has two, and another order", async () => {
    const header = headerOf(locations)
      .map((column) => column.replace('  ', ' '))
      .toReversed();
    const row = header.map((_, i) => (i === header.length - 1 ? npi(2) : `V${i}`));
    const { rows } = await read(
      locations,
      referenceCsv(header, [row.map((value) => (value === 'V4' ? 'US' : value))]),
    );
    expect(rows[0]?.slice(0, 3)).toEqual(['1', npi(2), 'V8']);
  });

  it('may have new columns, which are reported', async () => {
    const header = [...headerOf(endpoints), 'Endpoint Color', 'Last Update Date'];
    const { rows, newColumns } = await read(
      endpoints,
      referenceCsv(header, [[npi(3), ...header.slice(1).map(() => 'Y')]]),
    );
    expect(newColumns).toEqual(['Endpoint Color', 'Last Update Date']);
    expect(rows[0]).toHaveLength(1 + endpoints.columns.length);
  });

  it('without a needed column refuses the file', async () => {
    const header = headerOf(locations).filter((column) => !column.includes('Fax'));
    await expect(read(locations, referenceCsv(header, []))).rejects.toMatchObject({
      code: 'ColumnMissing',
      message: expect.stringContaining('Provider Practice Location Address - Fax Number'),
    });
  });
});

it('the scanner takes the usual rows of each file itself, so that csv-parse reads few of them', () => {
  for (const table of referenceTables) {
    const planned = planLayout(headerOf(table), table.columns);
    const scanner = 'layout' in planned ? Scanner.for(planned.layout) : undefined;
    const row = table.columns.map(({ maxLength }, i) => (i === 0 ? npi(1) : 'A É'.slice(0, maxLength)));
    const bytes = Buffer.from(referenceCsv(row, []));
    const window = new ByteWindow(4096);
    window.fill(bytes, 0);
    window.finish();
    expect(scanner?.scan(window, new BlockBuffer(1), 1)).toBe(bytes.length);
  }
});

it('a row is refused for its NPI, its number of fields or a long value, and the others are read', async () => {
  const good = npi(4);
  const wrong = good.slice(0, 9) + String((Number(npiCheckDigit(good.slice(0, 9))) + 1) % 10);
  const csv = referenceCsv(headerOf(otherNames), [
    [good, 'A', '3', '01/02/2026'],
    [wrong, 'B', '3', ''],
    ['12345', 'C', '3', ''],
    [good, 'D', '3'],
    [good, 'E'.repeat(101), '3', ''],
    [good, 'É'.repeat(100), '3', ''],
  ]);
  const { rows, refusals } = await read(otherNames, csv);
  expect(rows.map(([rowNumber]) => rowNumber)).toEqual(['1', '6']);
  expect(refusals).toMatchObject([
    { rowNumber: 2, reason: 'NPI check digit is wrong' },
    { rowNumber: 3, reason: 'NPI is not ten digits' },
    { rowNumber: 4, reason: 'wrong number of fields' },
    { rowNumber: 5, reason: 'value longer than its column', column: 'Provider Other Organization Name' },
  ]);
});

it('any reference file reads as csv-parse reads it, cut anywhere', async () => {
  const odd = fc.constantFrom('"', ',', '\n', '\r\n', '\t', 'É', '\\', ' ', 'NULL', 'null', '', "'");
  const value = fc
    .array(fc.oneof(odd, fc.constantFrom('A', '12', '01/02/2026')), { maxLength: 4 })
    .map((all) => all.join(''));
  const row = fc
    .tuple(fc.nat(50), fc.array(value, { minLength: 18, maxLength: 18 }))
    .map(([index, values]) => [npi(index), ...values.map((text) => text.slice(0, 8))]);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(otherNames, locations, endpoints),
      fc.array(row, { maxLength: 20 }),
      fc.integer({ min: 1, max: 300 }),
      async (table, generated, chunkBytes) => {
        const { columns } = table;
        const rowsOfFile = generated.map((fields) =>
          columns.map(({ maxLength }, i) => (fields[i] ?? '').slice(0, maxLength)),
        );
        const csv = referenceCsv(headerOf(table), rowsOfFile);
        const [, ...wanted] = parse(csv);
        const { rows, refusals } = await read(table, csv, chunkBytes);
        expect(refusals).toEqual([]);
        expect(rows).toEqual(wanted.map((fields, i) => [String(i + 1), ...fields]));
      },
    ),
    cases(60, 1000),
  );
});
