import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { npiColumns } from '../../../db/schema/npi-columns.ts';
import type { Refusal, RowBlock } from '../../../nppes/rows/row-block.ts';
import type { WantedColumn } from '../../../nppes/rows/layout.ts';
import { readRows } from '../../../nppes/rows/row-stream.ts';
import { cases, extent, isExhaustive, seedFrom } from '../../bed/extent.ts';
import { headersByYear } from '../../generated/headers.ts';
import {
  hostileFile,
  hostileLine,
  oddities,
  plainFields,
  seeded,
  shortHeader,
  shortWanted,
} from '../../generated/hostile-csv.ts';
import { referenceRows, type LineKey, type Reference } from '../../models/reference-rows.ts';

interface Reading {
  readonly wanted?: readonly WantedColumn[];
  /** Where the stream is cut. By default it is not cut. */
  readonly cuts?: readonly number[];
  readonly rowsPerBlock?: number;
  readonly afterRow?: number;
  readonly windowBytes?: number;
}

type Outcome = Reference | { readonly code: string };

/** All blocks joined, each read only while it is valid. */
async function read(bytes: Buffer, reading: Reading = {}): Promise<Outcome> {
  const { wanted = shortWanted, cuts = [], rowsPerBlock = 1000, afterRow = 0, windowBytes } = reading;
  const borders = [0, ...cuts, bytes.length];
  const chunks = borders.slice(1).map((border, i) => bytes.subarray(borders[i], border));
  const member = Readable.from(chunks.filter(({ length }) => length > 0));
  const all = { tsv: '', rows: 0, stagedRows: 0, refusals: [] as Refusal[], keys: [] as LineKey[] };
  const typeRows: [number, number, number] = [0, 0, 0];
  let last: RowBlock | undefined;
  try {
    for await (const block of readRows({
      member,
      wanted,
      rowsPerBlock,
      afterRow,
      ...(windowBytes && { windowBytes }),
    })) {
      expect(block.rows).toBeLessThanOrEqual(rowsPerBlock);
      all.tsv += block.tsv.toString();
      all.rows += block.rows;
      all.stagedRows += block.stagedRows;
      all.refusals.push(...block.refusals);
      all.keys.push(...keysOf(block));
      for (const type of [0, 1, 2] as const) typeRows[type] += block.typeRows[type];
      last = block;
    }
  } catch (error) {
    return { code: String((error as { code?: string }).code) };
  }
  const { lastRowNumber = 0, badUtf8Count = 0, readBytes = 0, newColumns = [] } = last ?? {};
  return { ...all, typeRows, lastRowNumber, badUtf8Count, readBytes, newColumns };
}

/** The index of a block's lines, and that it points at them (without `expect`, which would cost more than the rows). */
function keysOf({ tsv, lines, stagedRows }: RowBlock): LineKey[] {
  expect(lines.count).toBe(stagedRows);
  let end = 0;
  return Array.from({ length: lines.count }, (_, i) => {
    const of = (values: ArrayLike<number>) => values[i] ?? -1;
    const rowNumber = of(lines.rowNumbers);
    const isRight = tsv.toString('latin1', end, of(lines.starts)) === `${rowNumber}\t`;
    end = of(lines.ends);
    if (!isRight || tsv[end - 1] !== 0x0a) throw new Error(`Line ${i} of the block is elsewhere.`);
    const [npi, type, date, isListed] = [lines.npis, lines.types, lines.dates, lines.isListed].map(of);
    return { rowNumber, npi, type, date, isListed } as LineKey;
  });
}

async function expected(
  bytes: Buffer,
  { wanted = shortWanted, afterRow = 0 }: Reading = {},
): Promise<Outcome> {
  try {
    const all = await referenceRows(bytes, wanted, afterRow);
    // Without a row there is no block.
    return all.rows > 0 ? all : { ...all, lastRowNumber: 0, badUtf8Count: 0, readBytes: 0, newColumns: [] };
  } catch (error) {
    return { code: String((error as { code?: string }).code) };
  }
}

async function both(bytes: Buffer, reading: Reading = {}): Promise<{ found: Outcome; wanted: Outcome }> {
  return { found: await read(bytes, reading), wanted: await expected(bytes, reading) };
}

const quoted = (fields: readonly string[]) => fields.map((field) => `"${field}"`).join(',');
const headerLine = `${quoted(shortHeader)}\n`;
const plainLine = (seed: number) => `${quoted(plainFields(seeded(seed)))}\n`;

const mostLetters = extent(3, 4);
const manyRows = extent(3000, 1_000_000);
const lengths = [65_535, 65_536, 300_000, 999_900, 1_000_020, 1_300_000, 3_000_000];

describe('the scanner agrees with csv-parse', () => {
  it('in files of any grammar, cut anywhere, in windows and blocks of any size', async () => {
    const text = fc
      .array(fc.constantFrom(...oddities, 'a', 'bc', '01/02/2003'), { maxLength: 4 })
      .map((all) => all.join(''));
    const field = fc.oneof(
      text,
      text.map((odd) => `"${odd}"`),
      text.map((odd) => `"${odd.replaceAll('"', '""')}"`),
    );
    const line = fc.oneof(
      { weight: 3, arbitrary: fc.nat().map(plainLine) },
      { weight: 2, arbitrary: fc.nat().map((seed) => hostileLine(seeded(seed), 1)) },
      fc.tuple(fc.nat(), fc.nat(20), field).map(([seed, at, odd]) => {
        const fields = plainFields(seeded(seed)).map((one) => `"${one}"`);
        fields[at % fields.length] = odd;
        return `${fields.join(',')}\n`;
      }),
      fc.array(field, { maxLength: 3 }).map((fields) => `${fields.join(',')}\n`),
      text,
    );
    const mark = fc.constantFrom('', '', '\xEF\xBB\xBF', '\xEF\xBB', '\n', ' ', '\xFF\xFE');
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(mark, fc.array(line, { maxLength: 8 }), fc.constantFrom('', '"', '\r', '"a')),
        fc.array(fc.nat(3000), { maxLength: 5 }),
        fc.record({
          rowsPerBlock: fc.integer({ min: 1, max: 5 }),
          afterRow: fc.nat(3),
          windowBytes: fc.integer({ min: 64, max: 2000 }),
        }),
        async ([start, lines, end], places, reading) => {
          const bytes = Buffer.from(start + headerLine + lines.join('') + end, 'latin1');
          const cuts = places.filter((place) => place < bytes.length).sort((a, b) => a - b);
          const { found, wanted } = await both(bytes, { ...reading, cuts });
          expect(found).toEqual(wanted);
        },
      ),
      cases(100, 1500),
    );
  });

  it('in a small file, cut before every byte of it, in windows of every size up to it', async () => {
    const bytes = hostileFile(seeded(4), 12, 2);
    const wanted = await expected(bytes);
    expect(wanted).toHaveProperty('rows');
    for (let place = 1; place < bytes.length; place += extent(29, 1)) {
      expect(await read(bytes, { cuts: [place] })).toEqual(wanted);
      expect(await read(bytes, { windowBytes: place + 3 })).toEqual(wanted);
    }
    const everywhere = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
    expect(await read(bytes, { cuts: everywhere, windowBytes: 97, rowsPerBlock: 2 })).toEqual(wanted);
  });

  it(`on every line of up to ${mostLetters} special characters, after any other line`, async () => {
    const letters = ['"', ',', '\n', '\r', '\0', 'a'];
    let lines = [''];
    for (let length = 0; length < mostLetters; length++) {
      lines = lines.flatMap((line) => letters.map((letter) => line + letter));
      // A few lines per file. Some files end inside quotes.
      for (let i = 0; i < lines.length; i += 3) {
        const text = lines.slice(i, i + 3).join(`\n${plainLine(1)}`);
        const { found, wanted } = await both(Buffer.from(`${headerLine}${text}`), { windowBytes: 600 });
        expect(found).toEqual(wanted);
      }
      for (const line of lines) {
        const { found, wanted } = await both(Buffer.from(`${headerLine}"${line}\n"${plainLine(1)}`), {
          windowBytes: 600,
        });
        expect(found).toEqual(wanted);
      }
    }
  });

  it(`on ${manyRows} rows, every twentieth of them hostile`, { timeout: 600_000 }, async () => {
    const first = seedFrom('SCANNER_SEED');
    let rows = 0;
    for (let seed = first; rows < manyRows; seed++) {
      const random = seeded(seed);
      const bytes = hostileFile(random, 5000, 20);
      const reading = {
        rowsPerBlock: 1 + random(3000),
        afterRow: random(3) * random(3000),
        windowBytes: 512 << random(8),
      };
      const { found, wanted } = await both(bytes, reading);
      if (!isDeepStrictEqual(found, wanted)) expect(found, `SCANNER_SEED=${seed}`).toEqual(wanted);
      if ('rows' in wanted) rows += wanted.rows;
    }
    expect(rows).toBeGreaterThanOrEqual(manyRows);
  });

  it.each([
    ['fields with one quote in four, doubled', (size: number) => `"${'abc""'.repeat(size / 5)}"`],
    ['text of three bytes a character', (size: number) => `"${'\xE2\x82\xAC'.repeat(size / 3)}"`],
    ['bytes that are not UTF-8', (size: number) => `"${'\xFF'.repeat(size)}"`],
    ['plain text', (size: number) => `"${'x'.repeat(size)}"`],
    ['text without quotes', (size: number) => 'x'.repeat(size)],
    ['a quote that does not end', (size: number) => `"${'x'.repeat(size)}`],
    ['empty fields without end', (size: number) => ','.repeat(size)],
  ])('on records near the maximum length: %s', async (_, fieldOf) => {
    for (const size of extent([1_000_020], lengths)) {
      const fields = plainFields(seeded(3)).map((field) => `"${field}"`);
      // A column that is not loaded, and the text column.
      for (const at of [3, 7]) {
        const long = fields.with(at, fieldOf(size)).join(',');
        const { found, wanted } = await both(
          Buffer.from(`${headerLine}${plainLine(1)}${long}\n${plainLine(2)}`, 'latin1'),
        );
        expect(found).toEqual(wanted);
      }
    }
  });

  it('on headers in any order, with duplicate and unknown columns', async () => {
    const headers = [
      shortHeader.toReversed(),
      [...shortHeader.slice(2), ...shortHeader.slice(0, 2)],
      [...shortHeader, 'NPI', 'Favourite Colour'],
      shortHeader.filter((name) => name !== 'Certification Date'),
      shortHeader.filter((name) => name !== 'Provider License Number_4'),
    ];
    for (const header of headers)
      for (const calmness of [3, 1000]) {
        const { found, wanted } = await both(hostileFile(seeded(9), 60, calmness, header));
        expect(found).toEqual(wanted);
      }
  });

  it.each(['x', 'y""'])(
    'on rows that do not fit in one block, which then ends early (%s)',
    async (letter) => {
      const rowCount = extent(40, 400);
      const fields = plainFields(seeded(3)).with(7, letter.repeat(60_000 / letter.length));
      const { found, wanted } = await both(Buffer.from(headerLine + `${quoted(fields)}\n`.repeat(rowCount)));
      expect(wanted).toMatchObject({ stagedRows: rowCount });
      expect(found).toEqual(wanted);
    },
  );
});

describe('a file with the header of', () => {
  it.each(headersByYear)('%i gives the same rows as csv-parse', async (year, header) => {
    const { found, wanted } = await both(hostileFile(seeded(year), extent(60, 300), 10, header), {
      wanted: npiColumns,
      rowsPerBlock: 70,
      windowBytes: 9999,
    });
    expect(found).toEqual(wanted);
  });
});

describe('the files of CMS', () => {
  const shared = new URL('../../../../shared/nppes/', import.meta.url);
  if (!existsSync(shared)) console.warn('SKIPPED: real rows and headers are in the folder ../shared');

  it.runIf(existsSync(shared) && isExhaustive)('give the same rows as csv-parse', async () => {
    const real = new URL('real/', shared);
    const names = readdirSync(real).filter((name) => name.startsWith('npidata_pfile_'));
    expect(names).not.toHaveLength(0);
    for (const name of names) {
      const reading = { wanted: npiColumns, rowsPerBlock: 5000 };
      const { found, wanted } = await both(readFileSync(new URL(name, real)), reading);
      expect(found).toEqual(wanted);
    }
  });

  it.skipIf(!existsSync(shared)).each(headersByYear)(
    'have in %i the header that these tests use',
    (year, header) => {
      const file = { 2015: 'npidata_2015_329', 2023: 'npidata_2023_v1', 2026: 'npidata_2026_v2' }[year];
      const found = readFileSync(new URL(`headers/${file}.csv`, shared), 'latin1').trim();
      expect(found.slice(1, -1).split('","')).toEqual(header);
    },
  );
});

describe('a reading', () => {
  const bytes = Buffer.from(headerLine + Array.from({ length: 50 }, (_, i) => plainLine(i)).join(''));
  const start = (member: Readable) =>
    readRows({ member, wanted: shortWanted, rowsPerBlock: 5, afterRow: 0, windowBytes: 1000 });

  it('closes the member when its reader stops early', async () => {
    const member = Readable.from([bytes.subarray(0, 3000), bytes.subarray(3000)]);
    for await (const { rows } of start(member)) {
      expect(rows).toBe(5);
      break;
    }
    expect(member.destroyed).toBe(true);
  });

  it('does not wait for a silent member when its reader stops early', async () => {
    const member = new Readable({ read: () => undefined });
    member.push(bytes.subarray(0, 3000));
    const blocks = start(member);
    await blocks.next();
    await blocks.return(undefined);
    expect(member.destroyed).toBe(true);
  });

  it('fails with the error of the member, after the blocks before it', async () => {
    const failure = new Error('the disk is gone');
    const member = Readable.from(
      (async function* () {
        yield bytes.subarray(0, 4000);
        await Promise.resolve();
        throw failure;
      })(),
    );
    let rows = 0;
    const all = async () => {
      for await (const block of start(member)) rows += block.rows;
    };
    await expect(all()).rejects.toBe(failure);
    expect(rows).toBeGreaterThan(0);
  });

  it('does not change a block until the next one is requested', async () => {
    const blocks = start(Readable.from([bytes]));
    const first = await blocks.next();
    const tsv = (first.value as RowBlock).tsv;
    const copy = tsv.toString();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(tsv.toString()).toBe(copy);
    await blocks.return(undefined);
  });
});
