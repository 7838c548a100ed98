import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Attempt } from '../../../activities/attempt.ts';
import type { ActivityDeps } from '../../../activities/deps.ts';
import { archiveZip } from '../../../activities/archive.ts';
import { ensureZip, fetchZip } from '../../../activities/zip-file.ts';
import type { DueRelease } from '../../../contract/activities.ts';
import { parseReleaseName } from '../../../nppes/page/release.ts';
import { createLog } from '../../../telemetry/log.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';

// Where a zip is: on the server, in the work folders and in the archives of two hosts.
let folder: string;
let server: Server;
let due: DueRelease;
let fileName: string;
let published: { fileName: string; sha256: string; sizeBytes: number; etag: string | null }[];
/** How often a zip was downloaded, not asked for. */
let downloads: number;

const period = '20260914-20260920';
const offer = async (name: string) => {
  fileName = await writeWeekly(join(folder, 'site'), period, npidataCsv([individual(1, name, '09/15/2026')]));
};
const attempt: Attempt = {
  runId: 'run',
  workflowId: 'workflow',
  signal: new AbortController().signal,
  log: createLog({ level: 'error', format: 'json' }),
  heartbeat: () => undefined,
};

/** A worker on a host of its own. */
const host = (name: string) =>
  ({
    workDir: join(folder, name, 'work'),
    archiveDir: join(folder, name, 'archive'),
    dispatcher: new Agent(),
    database: { session: () => Promise.resolve(published) },
  }) as unknown as ActivityDeps;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'surgicase-hosts-'));
  published = [];
  downloads = 0;
  await offer('SMITH');
  server = createServer((request, response) => {
    const bytes = readFileSync(join(folder, 'site', fileName));
    response.setHeader('etag', `"${bytes.readUInt32LE(14)}"`).setHeader('content-length', bytes.length);
    if (request.method === 'GET') downloads += 1;
    response.end(request.method === 'GET' ? bytes : undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const release = parseReleaseName(fileName);
  if (!release) throw new Error('not a release');
  due = { release, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${fileName}` };
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

describe('a zip that is whole on this host is not downloaded again', () => {
  it('in the work folder, where an earlier run left it', async () => {
    const a = host('a');
    const first = await fetchZip(a, attempt, due);
    expect(await fetchZip(a, attempt, due)).toEqual(first);
    expect(downloads).toBe(1);
  });

  it('in the archive, when the ledger has its sha256', async () => {
    const a = host('a');
    const zip = await fetchZip(a, attempt, due);
    await archiveZip(a, attempt, zip);
    expect(readdirSync(a.workDir)).toEqual([]);
    published = [{ fileName, sha256: zip.sha256, sizeBytes: zip.sizeBytes, etag: zip.etag ?? null }];
    expect(await fetchZip(a, attempt, due)).toEqual(zip);
    expect(downloads).toBe(1);
  });

  it.each<[string, () => Promise<void> | void]>([
    ['the server has another file by now', () => offer('JONES')],
    ['its content is damaged', () => writeFileSync(join(host('a').workDir, fileName), 'damaged')],
    ['its note is not readable', () => writeFileSync(join(host('a').workDir, `${fileName}.json`), '{"sha')],
    ['it is gone', () => rmSync(join(host('a').workDir, fileName))],
  ])('unless %s', async (_, change) => {
    const a = host('a');
    await fetchZip(a, attempt, due);
    await change();
    await fetchZip(a, attempt, due);
    expect(downloads).toBe(2);
    expect(readFileSync(join(a.workDir, fileName))).toEqual(readFileSync(join(folder, 'site', fileName)));
  });
});

describe('a run that another host continues', () => {
  it('archives the zip on the host that archives, although the other one has downloaded it', async () => {
    const zip = await fetchZip(host('a'), attempt, due);
    const b = host('b');
    await archiveZip(b, attempt, zip);
    expect(readFileSync(join(b.archiveDir, fileName))).toEqual(readFileSync(join(folder, 'site', fileName)));
    expect(readdirSync(b.workDir)).toEqual([]);
    await archiveZip(b, attempt, zip);
    expect(downloads).toBe(2);
  });

  it('finds the zip in its archive', async () => {
    const b = host('b');
    const zip = await fetchZip(host('a'), attempt, due);
    mkdirSync(b.archiveDir, { recursive: true });
    writeFileSync(join(b.archiveDir, fileName), readFileSync(join(folder, 'site', fileName)));
    expect(await ensureZip(b, attempt, zip)).toBe(join(b.archiveDir, fileName));
    expect(downloads).toBe(1);
  });

  it('does not begin a second archive, until somebody creates its folder', async () => {
    const zip = await fetchZip(host('a'), attempt, due);
    published = [{ fileName: 'EARLIER.zip', sha256: 'e'.repeat(64), sizeBytes: 1, etag: null }];
    const b = host('b');
    await expect(archiveZip(b, attempt, zip)).rejects.toMatchObject({ code: 'ArchiveMissing' });
    expect(existsSync(b.archiveDir)).toBe(false);
    mkdirSync(b.archiveDir, { recursive: true });
    await archiveZip(b, attempt, zip);
    expect(readdirSync(b.archiveDir)).toEqual([fileName]);
  });

  it('begins the archive when it has published the first zip, and an adoption recorded the releases before', async () => {
    const zip = await fetchZip(host('a'), attempt, due);
    published = [
      { fileName: 'ADOPTED.zip', sha256: '0'.repeat(64), sizeBytes: 0, etag: null },
      { fileName, sha256: zip.sha256, sizeBytes: zip.sizeBytes, etag: null },
    ];
    await archiveZip(host('b'), attempt, zip);
    expect(readdirSync(host('b').archiveDir)).toEqual([fileName]);
  });

  it('does not report a zip as archived that it cannot get', async () => {
    const zip = await fetchZip(host('a'), attempt, due);
    await offer('JONES');
    const b = host('b');
    await expect(archiveZip(b, attempt, zip)).rejects.toMatchObject({ code: 'ZipChanged' });
    expect(existsSync(join(b.archiveDir, fileName))).toBe(false);
  });
});
