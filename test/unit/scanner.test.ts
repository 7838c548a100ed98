import { existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { npiColumns } from '../../db/npi-columns.ts';
import type { RowBlock } from '../../nppes/block.ts';
import type { WantedColumn } from '../../nppes/layout.ts';
import { readRows } from '../../nppes/rows.ts';
import {
  hostileFile,
  hostileLine,
  oddities,
  plainFields,
  seeded,
  shortHeader,
  shortWanted,
} from '../hostile-csv.ts';
import { referenceRows, type LineKey, type Reference } from '../reference-rows.ts';

interface Reading {
  readonly wanted?: readonly WantedColumn[];
  /** Where the stream is cut; nowhere by default. */
  readonly cuts?: readonly number[];
  readonly rowsPerBlock?: number;
  readonly afterRow?: number;
  readonly arenaBytes?: number;
}

type Outcome = Reference | { readonly code: string };

/** All blocks as one, each looked at only while it is valid. */
async function read(bytes: Buffer, reading: Reading = {}): Promise<Outcome> {
  const { wanted = shortWanted, cuts = [], rowsPerBlock = 1000, afterRow = 0, arenaBytes } = reading;
  const borders = [0, ...cuts, bytes.length];
  const chunks = borders.slice(1).map((border, i) => bytes.subarray(borders[i], border));
  const member = Readable.from(chunks.filter(({ length }) => length > 0));
  const all = {
    tsv: '',
    rows: 0,
    stagedRows: 0,
    refusals: [] as Reference['refusals'],
    keys: [] as LineKey[],
  };
  const typeRows: [number, number, number] = [0, 0, 0];
  let last: RowBlock | undefined;
  try {
    for await (const block of readRows({
      member,
      wanted,
      rowsPerBlock,
      afterRow,
      ...(arenaBytes && { arenaBytes }),
    })) {
      expect(block.rows).toBeLessThanOrEqual(rowsPerBlock);
      all.tsv += block.tsv.toString();
      all.rows += block.rows;
      all.stagedRows += block.stagedRows;
      all.refusals = [...all.refusals, ...block.refusals];
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

/** The index of a block's lines, and that it points at them. */
function keysOf({ tsv, lines, stagedRows }: RowBlock): LineKey[] {
  expect(lines.count).toBe(stagedRows);
  let end = 0;
  return Array.from({ length: lines.count }, (_, i) => {
    const of = (values: ArrayLike<number>) => values[i] ?? -1;
    const rowNumber = of(lines.rowNumbers);
    expect(tsv.toString('latin1', end, of(lines.starts))).toBe(`${rowNumber}\t`);
    end = of(lines.ends);
    expect(tsv[end - 1]).toBe(0x0a);
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
    // Without a row there is no block to say anything.
    return all.rows > 0 ? all : { ...all, lastRowNumber: 0, badUtf8Count: 0, readBytes: 0, newColumns: [] };
  } catch (error) {
    return { code: String((error as { code?: string }).code) };
  }
}

async function compare(bytes: Buffer, reading: Reading = {}): Promise<void> {
  expect(await read(bytes, reading)).toEqual(await expected(bytes, reading));
}

const headerLine = `${shortHeader.map((name) => `"${name}"`).join(',')}\n`;
const plainLine = (seed: number) =>
  `${plainFields(seeded(seed))
    .map((field) => `"${field}"`)
    .join(',')}\n`;

describe('a reading of bytes is what csv-parse makes of them', () => {
  it('in files of any grammar, cut anywhere, in arenas and blocks of any size', async () => {
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
          arenaBytes: fc.integer({ min: 64, max: 2000 }),
        }),
        async ([start, lines, end], places, reading) => {
          const bytes = Buffer.from(start + headerLine + lines.join('') + end, 'latin1');
          const cuts = places.filter((place) => place < bytes.length).sort((a, b) => a - b);
          await compare(bytes, { ...reading, cuts });
        },
      ),
      { numRuns: 1500 },
    );
  });
});
