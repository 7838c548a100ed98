import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { reportMember } from '../../../nppes/report/deactivation.ts';
import {
  npidataMember,
  referenceMember,
  openZip,
  testZip,
  type OpenZip,
} from '../../../nppes/transfer/zip.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';

const folder = mkdtempSync(join(tmpdir(), 'surgicase-zip-'));
const csv = npidataCsv(Array.from({ length: 2000 }, (_, i) => individual(i, `Name ${i}`, '09/15/2026')));
const never = new AbortController().signal;
let path = '';

beforeAll(async () => {
  path = join(folder, await writeWeekly(folder, '20260914-20260920', csv));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function content(zipPath: string): Promise<Buffer> {
  const zip = await openZip(zipPath);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of (await npidataMember(zip).open()) as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks);
  } finally {
    zip.close();
  }
}

/** A copy of the zip with one change in the directory entry of the main member. */
function changed(change: (zip: Buffer, entry: number) => void): string {
  const zip = Buffer.from(readFileSync(path));
  let entry = 0;
  // A directory entry has 46 bytes before its name.
  while (!zip.toString('latin1', entry + 46).startsWith('npidata_pfile_20260914-20260920.csv'))
    entry = zip.indexOf('PK\u0001\u0002', entry + 4, 'latin1');
  change(zip, entry);
  const other = join(folder, 'changed.zip');
  writeFileSync(other, zip);
  return other;
}

it('reads a member as it was written', async () => {
  expect((await content(path)).equals(Buffer.from(csv))).toBe(true);
  await testZip(path, never);
});

it.each([
  ['another CRC-32', (zip: Buffer, entry: number) => zip.writeUInt32LE(7, entry + 16)],
  [
    'a length that is too small',
    (zip: Buffer, entry: number) => zip.writeUInt32LE(csv.length - 1, entry + 24),
  ],
  [
    'a length that is too great',
    (zip: Buffer, entry: number) => zip.writeUInt32LE(csv.length + 1, entry + 24),
  ],
  [
    'content that ends too early',
    (zip: Buffer, entry: number) => zip.writeUInt32LE(zip.readUInt32LE(entry + 20) - 9, entry + 20),
  ],
  [
    'content that is not Deflate',
    (zip: Buffer, entry: number) =>
      zip.fill(0xff, zip.readUInt32LE(entry + 42) + 200, zip.readUInt32LE(entry + 42) + 260),
  ],
])('refuses a zip with %s, when testing and when reading it', async (_, change) => {
  const damaged = changed(change);
  await expect(testZip(damaged, never)).rejects.toMatchObject({ code: 'ZipDamaged' });
  await expect(content(damaged)).rejects.toMatchObject({ code: 'ZipDamaged' });
});

it('closes the file when a member is not read to its end', async () => {
  const zip = await openZip(path);
  const member = await npidataMember(zip).open();
  for await (const chunk of member) {
    expect(chunk).not.toHaveLength(0);
    break;
  }
  expect(member.destroyed).toBe(true);
  zip.close();
});

it('a cancelled test throws the reason', async () => {
  const reason = new Error('cancelled');
  await expect(testZip(path, AbortSignal.abort(reason))).rejects.toBe(reason);
});

it.each([
  ['of today', ['npidata_pfile_20260914-20260920.csv', 'npidata_pfile_20260914-20260920_fileheader.csv']],
  ['from 2008 to 2017', ['npidata_20050523-20160410.csv', 'npidata_20050523-20160410FileHeader.csv']],
  ['in a folder', ['a/NPIDATA_20050523-20160410.CSV', 'a/readme.txt']],
])('finds the member with the providers by a name %s', (_, names) => {
  expect(npidataMember(listing(names)).name).toBe(names[0]);
});

it('refuses a zip with two members of providers, and names both', () => {
  const two = ['npidata_pfile_20260914-20260920.csv', 'npidata_pfile_20260907-20260913.csv'];
  expect(() => npidataMember(listing(two))).toThrow(expect.objectContaining({ code: 'MemberAmbiguous' }));
  expect(() => npidataMember(listing(two))).toThrow(two.join(', '));
});

it('finds a reference file whatever its case and folder, and not its header or another file', () => {
  const names = [
    'npidata_pfile_20260914-20260920.csv',
    'weekly/OtherName_PFile_20260914-20260920.csv',
    'pl_pfile_20260914-20260920_fileheader.csv',
    'supl_pfile_20260914-20260920.csv',
  ];
  expect(referenceMember(listing(names), 'othername')?.name).toBe(names[1]);
  expect(referenceMember(listing(names), 'pl')).toBeUndefined();
});

it('refuses a zip with two files of one kind of reference, and names both', () => {
  const two = ['pl_pfile_20260914-20260920.csv', 'pl_pfile_20260907-20260913.csv'];
  expect(() => referenceMember(listing(two), 'pl')).toThrow(
    expect.objectContaining({ code: 'MemberAmbiguous' }),
  );
});

it('refuses a report with two workbooks', () => {
  expect(() => reportMember(listing(['a.xlsx', 'b.xlsx']))).toThrow('a.xlsx, b.xlsx');
});

const listing = (names: readonly string[]): OpenZip => ({
  members: names.map((name) => ({ name, sizeBytes: 1, open: () => expect.fail('nobody opens it') })),
  close: () => undefined,
});
