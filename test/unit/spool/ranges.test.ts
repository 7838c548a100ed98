import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeBlock } from '../../../db/registry/bulk-load.ts';
import { npiColumns } from '../../../db/schema/npi-columns.ts';
import { openLetterFile } from '../../../spool/letter-file.ts';
import { npiCheckDigit } from '../../../nppes/rows/npi.ts';
import { npiRanges, rangeCountOf, rangeFinder } from '../../../spool/npi-ranges.ts';
import { openRangeWriter, rangePath, readSplit } from '../../../spool/range-files.ts';
import { rangeMemory, readRange, type RangeRows } from '../../../spool/range-rows.ts';
import { readRows } from '../../../nppes/rows/row-stream.ts';
import { searchCollector } from '../../../spool/search-lines.ts';
import { cases } from '../../bed/extent.ts';
import { individual, npidataCsv, organization, stub, type RowSpec } from '../../generated/release-zip.ts';

const folder = mkdtempSync(join(tmpdir(), 'surgicase-ranges-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rangeCount = 8;
// Over all ranges: an NPI starts with 1 or 2.
const spread = (index: number) => {
  const nine = String(100_000_000 + index * 17_000_003);
  return nine + npiCheckDigit(nine);
};

/** Splits a file of these rows, and reads the ranges back one after another, all into the same memory, as a load does. */
async function split<Found>(
  rows: readonly RowSpec[],
  read: (range: RangeRows) => Found,
  count = rangeCount,
): Promise<Found[]> {
  const at = join(folder, 'split');
  const writer = await openRangeWriter(at, count, 1);
  const member = Readable.from([Buffer.from(npidataCsv(rows))]);
  for await (const block of readRows({ member, wanted: npiColumns, rowsPerBlock: 3, afterRow: 0 }))
    await writer.add(block);
  const whole = await writer.finish();
  await writer.close();
  expect(await readSplit(at, count)).toEqual(whole);
  const memory = rangeMemory();
  const found: Found[] = [];
  for (const { number } of npiRanges(count)) {
    found.push(read(await readRange(rangePath(whole.folder, number), whole.rangeRows[number] ?? 0, memory)));
  }
  return found;
}

const day = fc.integer({ min: 1, max: 9 }).map((date) => `09/0${date}/2026`);
const index = fc.nat(9);
const spec: fc.Arbitrary<RowSpec> = fc
  .oneof(
    fc.tuple(index, fc.constantFrom('LEE', '3M', 'ÉVE', 'O"X', ''), day).map((of) => individual(...of)),
    fc.tuple(index, fc.constantFrom('MERCY', ''), day).map((of) => organization(...of)),
    fc.tuple(index, day).map((of) => stub(...of)),
  )
  .chain((row) => index.map((of) => ({ ...row, NPI: spread(of) })));

/** Rules 3 and 4, computed in the slow way. */
function winnersOf(rows: readonly RowSpec[]): string[] {
  const rank = (row: RowSpec, place: number) => [
    row['Entity Type Code'] ? 1 : 0,
    row['Entity Type Code'] ? (row['Last Update Date'] ?? '') : (row['NPI Deactivation Date'] ?? ''),
    place,
  ];
  const best = new Map<string, { row: RowSpec; rank: (string | number)[] }>();
  rows.forEach((row, place) => {
    const known = best.get(row['NPI'] ?? '');
    const mine = rank(row, place);
    const differs = mine.findIndex((part, i) => part !== known?.rank[i]);
    if (!known || (mine[differs] ?? 0) > (known.rank[differs] ?? 0))
      best.set(row['NPI'] ?? '', { row, rank: mine });
  });
  return Array.from(best.values(), ({ row }) => line(row)).sort();
}

const line = (row: RowSpec) => npiColumns.map(({ header }) => row[header] ?? '').join('|');
const types = [0, 1, 2] as const;
const isSorted = (npis: readonly string[]) => npis.every((npi, i) => i === 0 || npi > (npis[i - 1] ?? ''));

describe('a file that is split into ranges of NPIs', () => {
  it('gives the winning row of each provider, sorted, and counts the others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(spec, { maxLength: 30 }), async (rows) => {
        const ranges = await split(rows, (range) => ({
          duplicates: range.duplicates,
          lines: types.flatMap((type) => {
            const found = decodeBlock(Buffer.concat(Array.from(range.lines(type))).toString());
            expect(found).toHaveLength(range.typeRows[type]);
            expect(isSorted(found.map(([npi]) => npi ?? ''))).toBe(true);
            return found.map((fields) => fields.join('|'));
          }),
        }));
        const lines = ranges.flatMap((range) => range.lines);
        expect(lines.sort()).toEqual(winnersOf(rows));
        const duplicates = ranges.reduce((sum, range) => sum + range.duplicates, 0);
        expect(duplicates).toBe(rows.length - lines.length);
      }),
      cases(15, 500),
    );
  });

  it('places every ten-digit NPI, whatever its first digit', async () => {
    const ten = fc.integer({ min: 0, max: 999_999_999 }).map((nine) => {
      const digits = String(nine).padStart(9, '0');
      return digits + npiCheckDigit(digits);
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(ten, { minLength: 2, maxLength: 30 }),
        fc.constantFrom(2, 8),
        async (npis, count) => {
          const rows = npis.map((npi, i) => individual(i, `NAME${i}`, '09/01/2026', { NPI: npi }));
          const ranges = await split(
            rows,
            (range) =>
              decodeBlock(Buffer.concat(Array.from(range.lines(1))).toString()).map((fields) =>
                fields.join('|'),
              ),
            count,
          );
          expect(ranges.flat().sort()).toEqual(winnersOf(rows));
        },
      ),
      { ...cases(15, 500), examples: [[['9999999995', '9999999987', '2000000002'], 2]] },
    );
  });

  it('has adjacent ranges that cover every NPI', () => {
    const ranges = npiRanges(rangeCountOf(12_000_000_000));
    const rangeOf = rangeFinder(ranges.length);
    for (const { number, from, to } of ranges) {
      expect(rangeOf(to - 1)).toBe(number);
      expect(ranges[number + 1]?.from ?? to).toBe(to);
      expect(rangeOf(from)).toBe(number);
    }
  });

  it('is distinguished from an incomplete split', async () => {
    const at = join(folder, 'cut');
    const writer = await openRangeWriter(at, rangeCount, 1);
    await writer.close();
    expect(await readSplit(at, rangeCount)).toBeUndefined();
  });
});

describe('search rows of a range', () => {
  const shape = {
    columns: [
      { place: 1, maxLength: 5 },
      { place: 2, maxLength: 5 },
    ],
    namePlace: 1,
  };
  const collect = (lines: readonly string[]) => {
    const collector = searchCollector(shape);
    const taken = lines.map((text) => {
      const bytes = Buffer.from(`before${text}`);
      return collector.add({ bytes, start: 'before'.length, end: bytes.length });
    });
    return { taken, ...collector.finish() };
  };

  it('are grouped by letter: names without a letter are in a, providers without a name in none', () => {
    const { all, byLetter } = collect(['1\t\r bob\tX\ttail\n', '2\t  3M\tY\t\n', '3\t \u007f\tZ\t\n']);
    expect(all.toString()).toBe('1\t\r bob\tX\n2\t  3M\tY\n3\t \u007f\tZ\n');
    expect(byLetter.map(({ tsv }) => tsv.toString()).filter(Boolean)).toEqual([
      '2\t  3M\tY\n',
      '1\t\r bob\tX\n',
    ]);
    expect(byLetter[1]).toMatchObject({ rows: 1 });
  });

  it('are left to the database when bytes do not decide the letter', () => {
    const { taken, rows } = collect([
      '1\tÉVE\tX\t\n',
      '2\t"a\tb"\tX\t\n',
      '3\tSMITHY\tX\t\n',
      '4\tJOSÉ\tX\t\n',
    ]);
    expect(taken).toEqual([false, false, false, true]);
    expect(rows).toBe(1);
  });
});

describe('search rows on disk', () => {
  const letters = (text: string) => [
    { tsv: Buffer.from(`${text}\n`), rows: 1 },
    { tsv: Buffer.alloc(0), rows: 0 },
  ];
  const read = async (lines: AsyncIterable<Buffer>) => {
    let text = '';
    for await (const block of lines) text += block.toString();
    return text;
  };

  it('are read in the order of the ranges, even if an attempt was killed while it wrote', async () => {
    const at = join(folder, 'letters');
    const first = await openLetterFile(at, 1);
    await Promise.all([first.append(2, letters('two')), first.append(0, letters('zero'))]);
    await first.close();
    appendFileSync(join(at, 'letters-1.rows'), 'cut o');
    appendFileSync(join(at, 'letters.index'), '\n{"range":1,"offs');
    const second = await openLetterFile(at, 2);
    expect([0, 1, 2].map((range) => second.has(range))).toEqual([true, false, true]);
    await second.append(1, letters('one'));
    await second.append(1, letters('again'));
    expect(await read(second.lines(0))).toBe('zero\none\ntwo\n');
    expect([second.rows(0), second.rows(1)]).toEqual([3, 0]);
    await second.close();
  });
});
