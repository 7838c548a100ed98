import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Attempt } from '../../../activities/attempt.ts';
import type { ActivityDeps } from '../../../activities/deps.ts';
import { archiveZip } from '../../../activities/archive.ts';
import { npiColumns } from '../../../db/schema/npi-columns.ts';
import { NppesError } from '../../../nppes/errors.ts';
import { parseReleaseName } from '../../../nppes/page/release.ts';
import { readRows } from '../../../nppes/rows/row-stream.ts';
import { downloadZip } from '../../../nppes/transfer/download.ts';
import { openLetterFile } from '../../../spool/letter-file.ts';
import { openRangeWriter, rangePath, readSplit, removeRange } from '../../../spool/range-files.ts';
import { readRange } from '../../../spool/range-rows.ts';
import { mark, record, remains, restore, type Remains } from '../../bed/recorded-files.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';

const isOtherDisk = vi.hoisted(() => ({ value: false }));

vi.mock('node:fs/promises', async (original) => {
  const { recordedPromises } = await import('../../bed/recorded-files.ts');
  const recorded = recordedPromises(await original());
  const rename: typeof recorded.rename = async (from, to) => {
    const folders = [from, to].map((path) => basename(dirname(String(path))));
    const isAcross = isOtherDisk.value && folders.join() === 'work,archive';
    if (isAcross) throw Object.assign(new Error('another disk'), { code: 'EXDEV' });
    return recorded.rename(from, to);
  };
  return { ...recorded, rename, default: { ...recorded, rename } };
});
vi.mock('node:fs', async (original) => {
  const { recordedFs } = await import('../../bed/recorded-files.ts');
  const recorded = recordedFs(await original());
  return { ...recorded, default: recorded };
});

const signal = new AbortController().signal;
const fileName = 'NPPES_Data_Dissemination_091426_092026_Weekly_V2.zip';
let base: string;
let zip: Buffer;
let server: Server;
let url: string;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'surgicase-power-'));
  await writeWeekly(base, '20260914-20260920', npidataCsv([individual(1, 'SMITH', '09/15/2026')]));
  zip = readFileSync(join(base, fileName));
  server = createServer((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${from}-${zip.length - 1}/${zip.length}` };
    response.writeHead(from > 0 ? 206 : 200, {
      etag: '"one"',
      'content-length': zip.length - from,
      ...(from > 0 && range),
    });
    response.end(request.method === 'HEAD' ? undefined : zip.subarray(from));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${fileName}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(base, { recursive: true });
});

const download = (path: string) =>
  downloadZip({
    url,
    path,
    signal,
    onProgress: () => undefined,
    test: async (part) => {
      if (!readFileSync(part).equals(zip)) throw new NppesError('ZipDamaged', 'damaged');
    },
  });

/** Runs `work` in a folder, then `check` on every folder that a power loss during it could leave. */
async function atEveryPowerLoss(
  work: (folder: string) => Promise<unknown>,
  check: (folder: string, left: Remains) => Promise<void>,
): Promise<number> {
  const folder = mkdtempSync(join(base, 'run-'));
  record(folder);
  await work(folder);
  let count = 0;
  const left = Array.from(remains());
  for (const state of left) {
    const restored = join(base, `state-${(count += 1)}`);
    mkdirSync(restored);
    restore(state, restored);
    await check(restored, state);
    rmSync(restored, { recursive: true });
  }
  rmSync(folder, { recursive: true });
  return count;
}

it('a zip that has its name is whole, and the next download completes what is left', async () => {
  const states = await atEveryPowerLoss(
    (folder) => download(join(folder, fileName)),
    async (folder) => {
      const path = join(folder, fileName);
      if (existsSync(path)) expect(readFileSync(path).equals(zip)).toBe(true);
      await download(path);
      expect(readFileSync(path).equals(zip)).toBe(true);
    },
  );
  expect(states).toBeGreaterThan(15);
});

it.each([false, true])(
  'a zip on its way to the archive is never lost (on another disk: %s)',
  async (isAcross) => {
    isOtherDisk.value = isAcross;
    const release = parseReleaseName(fileName);
    if (!release) throw new Error('not a release');
    const known = {
      release,
      url,
      sha256: createHash('sha256').update(zip).digest('hex'),
      sizeBytes: zip.length,
    };
    const log = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    };
    const attempt: Attempt = { runId: 'r', workflowId: 'w', signal, log, heartbeat: () => undefined };
    const archive = (folder: string) => {
      const [workDir, archiveDir] = [join(folder, 'work'), join(folder, 'archive')];
      const database = { session: () => Promise.resolve([]) };
      return archiveZip({ workDir, archiveDir, database } as unknown as ActivityDeps, attempt, known);
    };
    const states = await atEveryPowerLoss(
      async (folder) => {
        await download(join(folder, 'work', fileName));
        mark('downloaded');
        await archive(folder);
        mark('archived');
      },
      async (folder, { marks }) => {
        const [from, to] = [join(folder, 'work', fileName), join(folder, 'archive', fileName)];
        const whole = [from, to].filter((path) => existsSync(path));
        for (const path of whole) expect(readFileSync(path).equals(zip)).toBe(true);
        if (marks.includes('archived')) expect(whole).toContain(to);
        await archive(folder);
        expect(readFileSync(to).equals(zip)).toBe(true);
      },
    );
    expect(states).toBeGreaterThan(15);
    isOtherDisk.value = false;
  },
);

it('a split and its letters are whole when they are found, and a loaded range keeps its letters', async () => {
  const rows = [1, 2, 3].map((i) => individual(i, `NAME${i}`, '09/01/2026'));
  const rangeCount = 2;
  const lettersOf = (range: number) => [{ tsv: Buffer.from(`letters of ${range}\n`), rows: 1 }];
  const split = async (folder: string) => {
    const writer = await openRangeWriter(folder, rangeCount, 1);
    const member = Readable.from([Buffer.from(npidataCsv(rows))]);
    for await (const block of readRows({ member, wanted: npiColumns, rowsPerBlock: 2, afterRow: 0 }))
      await writer.add(block);
    const whole = await writer.finish();
    await writer.close();
    return whole;
  };
  const states = await atEveryPowerLoss(
    async (folder) => {
      const { folder: own } = await split(folder);
      const letters = await openLetterFile(own, 1);
      for (const range of [0, 1]) {
        await letters.append(range, lettersOf(range));
        mark(`committed ${range}`);
        await removeRange(rangePath(own, range));
      }
      await letters.close();
    },
    async (folder, { marks }) => {
      const found = await readSplit(folder, rangeCount);
      // Without a split the next attempt splits the zip again, whatever the database has.
      if (!found) {
        expect((await split(folder)).rangeRows).toEqual([3, 0]);
        return;
      }
      const letters = await openLetterFile(found.folder, 2);
      for (const range of [0, 1]) {
        const isCommitted = marks.includes(`committed ${range}`);
        if (isCommitted) expect(letters.has(range)).toBe(true);
        if (!isCommitted) {
          const read = await readRange(rangePath(found.folder, range), found.rangeRows[range] ?? 0);
          expect(read.typeRows).toEqual([0, found.rangeRows[range], 0]);
        }
        await letters.append(range, lettersOf(range));
      }
      const lines: string[] = [];
      for await (const line of letters.lines(0)) lines.push(line.toString());
      expect(lines).toEqual(['letters of 0\n', 'letters of 1\n']);
      await letters.close();
    },
  );
  expect(states).toBeGreaterThan(20);
});
