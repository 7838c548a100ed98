import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLetterFile } from '../../../spool/letter-file.ts';
import { openRangeWriter, rangePath, readSplit } from '../../../spool/range-files.ts';
import { readRange } from '../../../spool/range-rows.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'surgicase-ranges-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** One row of one letter of a range. */
const letter = (text: string) => [{ tsv: Buffer.from(text), rows: 1 }];

/** A block with one individual in one line. */
function block(npi: number) {
  const tsv = Buffer.from(`${npi}\tNAME\n`);
  const lines = {
    count: 1,
    starts: Uint32Array.of(0),
    ends: Uint32Array.of(tsv.length),
    rowNumbers: Uint32Array.of(1),
    npis: Float64Array.of(npi),
    types: Uint8Array.of(1),
    dates: Uint32Array.of(20_260_901),
    isListed: Uint8Array.of(1),
  };
  return { tsv, lines };
}

async function textOf(letters: Awaited<ReturnType<typeof openLetterFile>>): Promise<string> {
  let text = '';
  for await (const bytes of letters.lines(0)) text += bytes.toString();
  return text;
}

it('two concurrent attempts do not overwrite letters of each other, and a third finds them all', async () => {
  const [old, young] = [await openLetterFile(folder, 1), await openLetterFile(folder, 2)];
  await old.append(0, letter('from the old\n'));
  await young.append(1, letter('young\n'));
  await old.append(2, letter('old again\n'));
  await young.append(3, letter('young again\n'));
  expect(await textOf(young)).toBe('young\nyoung again\n');
  const third = await openLetterFile(folder, 3);
  expect([0, 1, 2, 3, 4].map((range) => third.has(range))).toEqual([true, true, true, true, false]);
  expect(await textOf(third)).toBe('from the old\nyoung\nold again\nyoung again\n');
  for (const letters of [old, young, third]) await letters.close();
});

it('a split fails when its successor starts over, and the successor is complete', async () => {
  const old = await openRangeWriter(folder, 2, 1);
  await old.add(block(1_000_000_004));
  const young = await openRangeWriter(folder, 2, 2);
  await young.add(block(2_900_000_000));
  await old.add(block(2_900_000_000));
  await expect(old.finish()).rejects.toThrow('ENOENT');
  expect(await readSplit(folder, 2)).toBeUndefined();
  await young.finish();
  const split = await readSplit(folder, 2);
  expect(split?.rangeRows).toEqual([0, 1]);
  const rows = await readRange(rangePath(split?.folder ?? '', 1), 1);
  expect(Buffer.concat([...rows.lines(1)]).toString()).toBe('2900000000\tNAME\n');
  for (const writer of [old, young]) await writer.close();
});

it('a split into another number of ranges does not count', async () => {
  const writer = await openRangeWriter(folder, 2, 1);
  await writer.finish();
  await writer.close();
  expect(await readSplit(folder, 4)).toBeUndefined();
});
