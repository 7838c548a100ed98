import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { npiColumns } from '../../../db/schema/npi-columns.ts';
import { sampleHeader } from '../../../local/sample/provider.ts';
import { knownLines } from '../../../local/sample/rows.ts';
import { readRows } from '../../../nppes/rows/row-stream.ts';
import { estimateMonthly, splitBytes } from '../../../spool/estimate.ts';
import { openRangeWriter } from '../../../spool/range-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'surgicase-estimate-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Splits a file of generated rows, which have the widths of real ones. Gives its size and that of the split on disk. */
async function splitSample(): Promise<{ readonly csvBytes: number; readonly diskBytes: number }> {
  const known = {
    full: 1500,
    stubs: 30,
    firstNew: 1530,
    updated: { start: '2006-01-01', end: '2026-09-06' },
  };
  const csv = Buffer.from(sampleHeader + Array.from(knownLines(known)).join(''));
  const writer = await openRangeWriter(folder, 4, 1);
  const member = Readable.from([csv]);
  for await (const block of readRows({ member, wanted: npiColumns, rowsPerBlock: 500, afterRow: 0 }))
    await writer.add(block);
  await writer.finish();
  await writer.close();
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const diskBytes = files
    .map((path) => statSync(path))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
  return { csvBytes: csv.length, diskBytes };
}

describe('the space for a monthly', () => {
  it('is enough for the rows that wait on disk, and not twice as much', async () => {
    const { csvBytes, diskBytes } = await splitSample();
    expect(splitBytes(csvBytes)).toBeGreaterThan(diskBytes);
    expect(splitBytes(csvBytes)).toBeLessThan(2 * diskBytes);
  });

  it('grows with the zip, and is that of a known month where the size is unknown', () => {
    const [half, whole] = [estimateMonthly(0.58e9), estimateMonthly(1.16e9)];
    for (const name of ['workBytes', 'archiveBytes', 'tableBytes', 'loadSeconds'] as const)
      expect(whole[name] / half[name]).toBeCloseTo(2);
    expect(estimateMonthly()).toEqual(whole);
  });
});
