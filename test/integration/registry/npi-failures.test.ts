import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../../db/connection/session.ts';
import { npidataHeader } from '../../../nppes/rows/header.ts';
import { traces } from '../../crash/bed.ts';
import { forever, startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  stub,
  weeklyName,
  writeWeekly,
  type RowSpec,
} from '../../generated/release-zip.ts';
import { exhaustive, sampleOf } from '../../bed/extent.ts';

// What servers and files can do to a run. This name must appear nowhere except in the tables:
const secretName = 'ZYXWVUTSRQ';
const name = 'npi_failures';
const weeks = ['20260907-20260913', '20260914-20260920', '20260921-20260927'] as const;
const rows = (from: number): RowSpec[] => [
  individual(from, secretName, '09/08/2026'),
  organization(from + 1, `${secretName} CLINIC`, '09/08/2026'),
  stub(from + 2, '09/09/2026'),
];

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MAX_REFUSED: '10%' });
});
afterEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const offer = (week: 0 | 1 | 2, csv: string | Buffer = npidataCsv(rows(week * 10))) =>
  writeWeekly(pipeline.site, weeks[week], csv);
const releaseNames = weeks.map((week) => weeklyName(week).replace('.zip', ''));
const publishedNames = async () =>
  (
    await pipeline.query<{ file: string }>('SELECT file_name AS file FROM npi_release ORDER BY release_id')
  ).map(({ file }) => file);
const zipPath = (week: 0 | 1 | 2) => join(pipeline.site, weeklyName(weeks[week]));

/** Runs until the failure, and gives what a person sees. */
async function failure(): Promise<{ type: string; message: string }> {
  const handle = await pipeline.start();
  const error = await handle.result().then(
    () => expect.fail('the run did not fail'),
    (cause: unknown) => cause as { cause: { type: string; message: string } },
  );
  const history = JSON.stringify(await handle.fetchHistory());
  expect(history).not.toContain(secretName);
  expect(history).not.toContain(Buffer.from(secretName).toString('base64').slice(0, 8));
  return error.cause;
}

const isZip = (request: IncomingMessage) =>
  request.url?.endsWith('.zip') === true && request.method === 'GET';
const html = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please sign in</html>');

describe('a run that cannot succeed fails with its type, and changes nothing', () => {
  const cases: readonly [string, string, () => unknown][] = [
    ['a page without links', 'PageWithoutLinks', () => undefined],
    [
      'a proxy that answers with its own page',
      'PageWithoutLinks',
      () => {
        pipeline.page.intercept = (_request, response) => Boolean(html(response));
      },
    ],
    [
      'a proxy that answers with a page instead of the zip',
      'NotAZip',
      () => {
        pipeline.page.intercept = (request, response) => isZip(request) && Boolean(html(response));
      },
    ],
    [
      'a redirect to another host',
      'RedirectRefused',
      () => {
        pipeline.page.intercept = (request, response) =>
          isZip(request) && Boolean(response.writeHead(302, { location: 'http://localhost:1/a.zip' }).end());
      },
    ],
    [
      'a truncated zip',
      'ZipDamaged',
      () => writeFileSync(zipPath(1), readFileSync(zipPath(1)).subarray(0, statSync(zipPath(1)).size - 300)),
    ],
    [
      'a zip in Deflate64',
      'UnsupportedCompression',
      () => writeFileSync(zipPath(1), deflate64(readFileSync(zipPath(1)))),
    ],
    [
      'a zip without the main member',
      'MemberMissing',
      () => writeFileSync(zipPath(1), renamed(readFileSync(zipPath(1)))),
    ],
    [
      'a required column that is missing',
      'ColumnMissing',
      () =>
        offer(
          1,
          npidataCsv(
            rows(10),
            npidataHeader.filter((column) => column !== 'Last Update Date'),
          ),
        ),
    ],
    [
      'too many refused rows',
      'TooManyRefused',
      () => offer(1, npidataCsv([...rows(10), { NPI: '1234567890', 'Entity Type Code': '1' }])),
    ],
  ];

  it.each(sampleOf(cases, 3))('%s: %s', async (_what, type, breakIt) => {
    await offer(0);
    await pipeline.run();
    const before = await traces(name, pipeline);
    if (type !== 'PageWithoutLinks') await offer(1);
    else for (const file of readdirSync(pipeline.site)) rmSync(join(pipeline.site, file));
    await breakIt();
    const seen = await failure();
    expect(seen.type).toBe(type);
    expect(seen.message).not.toContain(secretName);
    expect(await traces(name, pipeline)).toEqual(before);
    const ledger = await pipeline.query(
      'SELECT outcome, failure_type FROM run ORDER BY started_at DESC LIMIT 1',
    );
    expect(ledger).toEqual([{ outcome: 'failed', failure_type: type }]);
  });

  it('a bad week does not hold back the weeks after it; the failure names it', async () => {
    await offer(0, npidataCsv(rows(0)).slice(0, -2));
    await offer(1);
    await offer(2, npidataCsv([...rows(20), { NPI: '1234567890', 'Entity Type Code': '1' }]));
    const { type, message } = await failure();
    expect(type).toBe('FileDamaged');
    expect(message).toContain(`${releaseNames[0]} is not loaded: `);
    expect(message).toContain(`${releaseNames[2]} is not loaded: `);
    expect(message).toContain(`Loaded in this run: ${releaseNames[1]}.`);
    expect(await publishedNames()).toEqual([weeklyName(weeks[1])]);
    await offer(0);
    await offer(2);
    expect((await pipeline.run()).releases).toHaveLength(2);
  });

  it.each([404, 410])(
    'a week with status %i is tried a few times, and the next week is loaded',
    exhaustive,
    async (status) => {
      await offer(0);
      await offer(1);
      let requests = 0;
      pipeline.page.intercept = (request, response) => {
        if (!isZip(request) || !request.url?.includes(weeklyName(weeks[0]))) return false;
        requests += 1;
        response.writeHead(status).end();
        return true;
      };
      const { type, message } = await failure();
      expect([type, requests]).toEqual(['ReleaseUnavailable', 5]);
      expect(message).toContain(`${releaseNames[0]} is not loaded: `);
      expect(message).toContain(`status ${status}`);
      expect(await publishedNames()).toEqual([weeklyName(weeks[1])]);
    },
  );
});

it('a week that the page no longer lists is loaded by its name before its days are a gap', async () => {
  await offer(0);
  await pipeline.run();
  await offer(1);
  await offer(2);
  pipeline.page.intercept = (request, response) => {
    if (!request.url?.endsWith('.html')) return false;
    response.end(`<a href='./${weeklyName(weeks[2])}'>`);
    return true;
  };
  const { releases, remarks } = await pipeline.run();
  expect(releases.map(({ release }) => release)).toEqual([releaseNames[1], releaseNames[2]]);
  expect(remarks).toEqual([`${releaseNames[1]} is not on the page any more; its server still has it.`]);
});

describe('a run succeeds', () => {
  it('when the server answers 503 three times', exhaustive, async () => {
    await offer(0);
    let refusals = 0;
    pipeline.page.intercept = (request, response) => {
      if (!isZip(request) || refusals === 3) return false;
      refusals += 1;
      response.writeHead(503).end();
      return true;
    };
    expect((await pipeline.run()).outcome).toBe('published');
    expect(refusals).toBe(3);
  });

  it('when the connection is cut: the download resumes at the byte where it was cut', async () => {
    await offer(0);
    const zip = readFileSync(zipPath(0));
    const ranges: (string | undefined)[] = [];
    pipeline.page.intercept = (request, response) => {
      if (!isZip(request)) return false;
      ranges.push(request.headers.range);
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const headers = { etag: '"one"', 'content-length': zip.length - from };
      if (from === 0) {
        response.writeHead(200, headers).write(zip.subarray(0, 500));
        whenOnDisk(500, () => response.destroy());
        return true;
      }
      const range = `bytes ${from}-${zip.length - 1}/${zip.length}`;
      response.writeHead(206, { ...headers, 'content-range': range }).end(zip.subarray(from));
      return true;
    };
    expect((await pipeline.run()).outcome).toBe('published');
    expect(ranges).toEqual([undefined, 'bytes=500-']);
  });

  it('when the header has a new column: it is reported, and the rows are loaded', async () => {
    await offer(0, npidataCsv(rows(0), [...npidataHeader, 'A New Column']));
    const { releases, remarks } = await pipeline.run();
    expect(releases[0]?.counts.inserted).toBe(3);
    expect(remarks.join()).toContain('A New Column');
  });
});

it('a zip that changed under the same name is loaded as a new version', async () => {
  await offer(0);
  await pipeline.run();
  await offer(0, npidataCsv([...rows(0), individual(50, secretName, '09/08/2026')]));
  const [release] = (await pipeline.run()).releases;
  expect(release?.counts).toMatchObject({ rows: 4, inserted: 1, unchanged: 3 });
  expect((await pipeline.run()).outcome).toBe('nothing due');
});

it('a reader sees the tables before or after a week, never in between', async () => {
  await offer(
    0,
    npidataCsv([individual(1, 'BEFORE', '09/08/2026'), organization(2, 'BEFORE', '09/08/2026')]),
  );
  await pipeline.run();
  await offer(
    1,
    npidataCsv([individual(1, 'XAFTER', '09/15/2026'), organization(2, 'XAFTER', '09/15/2026')]),
  );
  const loaded = new AbortController();
  const seen = new Set<string>();
  const reading = pipeline.database.session(forever, async (session) => {
    while (!loaded.signal.aborted) seen.add(await readEverywhere(session));
  });
  await pipeline.run();
  loaded.abort();
  await reading;
  expect(Array.from(seen)).toEqual(['BEFORE,BEFORE,BEFORE,BEFORE,1,0', 'XAFTER,XAFTER,XAFTER,XAFTER,0,1']);
});

/** Calls `then` as soon as this many bytes of the first week's zip are in the work folder. */
function whenOnDisk(sizeBytes: number, then: () => void): void {
  const work = pipeline.env['NPI_WORK_DIR'] ?? '';
  mkdirSync(work, { recursive: true });
  const part = join(work, `${weeklyName(weeks[0])}.part`);
  const watcher = watch(work, () => {
    if (!existsSync(part) || statSync(part).size < sizeBytes) return;
    watcher.close();
    then();
  });
}

/** One statement over all tables that a week changes. */
async function readEverywhere(session: Session): Promise<string> {
  const [row] = await session.query<{ seen: string }>(
    `SELECT CONCAT_WS(',',
       (SELECT provider_last_name FROM ${name}_app.npi_data_1),
       (SELECT provider_organization_name FROM ${name}_app.npi_data_2),
       (SELECT last_name FROM ${name}_search.search_surgeon_all),
       (SELECT facility_name FROM ${name}_search.search_facility_all),
       (SELECT COUNT(*) FROM ${name}_search.search_surgeon_b),
       (SELECT COUNT(*) FROM ${name}_search.search_facility_x)) AS seen`,
  );
  return row?.seen ?? 'nothing';
}

it('archives the zip under the file name of CMS, and leaves nothing in the work folder', async () => {
  await offer(0);
  await pipeline.run();
  expect(readdirSync(pipeline.archive)).toEqual([weeklyName(weeks[0])]);
  const work = pipeline.env['NPI_WORK_DIR'] ?? '';
  expect(existsSync(work) ? readdirSync(work) : []).toEqual([]);
  expect(await pipeline.query(`SELECT npi FROM ${name}_app.npi_data_1`)).toEqual([{ npi: Number(npi(0)) }]);
});

const otherDisk = ['/dev/shm', '/tmp', '/var/tmp', homedir()].find(
  (folder) => existsSync(folder) && statSync(folder).dev !== statSync(tmpdir()).dev,
);
if (otherDisk === undefined)
  console.warn('SKIPPED: an archive on another file system needs a second disk, for example /dev/shm');

it.skipIf(otherDisk === undefined)('archives to another file system than the work folder', async () => {
  const archive = mkdtempSync(join(otherDisk ?? '', 'surgicase-'));
  const own = `${name}_disk`;
  const other = await startPipeline(own, { NPI_ARCHIVE_DIR: archive });
  await writeWeekly(other.site, weeks[0], npidataCsv(rows(0)));
  await other.run();
  expect(readdirSync(archive)).toEqual([weeklyName(weeks[0])]);
  await other.stop();
  rmSync(archive, { recursive: true });
});

/** Sets the compression method of every entry to 9, in its own header and in the directory. */
function deflate64(zip: Buffer): Buffer {
  const changed = Buffer.from(zip);
  for (const [signature, offset] of [
    ['PK\u0001\u0002', 10],
    ['PK\u0003\u0004', 8],
  ] as const) {
    for (
      let at = changed.indexOf(signature, 0, 'latin1');
      at !== -1;
      at = changed.indexOf(signature, at + 4, 'latin1')
    )
      changed.writeUInt16LE(9, at + offset);
  }
  return changed;
}

/** Renames `npidata_pfile_…` to `npidate_pfile_…` everywhere. */
function renamed(zip: Buffer): Buffer {
  return Buffer.from(zip.toString('latin1').replaceAll('npidata', 'npidate'), 'latin1');
}
