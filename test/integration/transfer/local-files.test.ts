import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { downloadZip } from '../../../nppes/transfer/download.ts';
import { listedReleases } from '../../../nppes/page/listing.ts';
import { surgicase } from '../../bed/cli.ts';
import { forever, startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  stub,
  writeMonthly,
  writeReport,
  writeWeekly,
  type RowSpec,
} from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'local_files';
const base = mkdtempSync(join(tmpdir(), 'surgicase local-'));
// The path in NPPES_URL. A test creates a folder or a saved page there, or nothing.
const source = join(base, 'source');
const zips = join(base, 'zips');
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPPES_URL: pathToFileURL(source).href, NPI_MIN_ROWS: '0%' });
});
beforeEach(async () => {
  for (const path of [source, zips]) rmSync(path, { recursive: true, force: true });
  mkdirSync(zips);
  await pipeline.reset();
});
afterAll(async () => {
  await pipeline.stop();
  rmSync(base, { recursive: true });
});

const person = (index: number, lastName = `NAME${index}`) => individual(index, lastName, '09/01/2026');
const week = (folder: string, period: string, ...rows: readonly RowSpec[]) =>
  writeWeekly(folder, period, npidataCsv(rows));
const lastNames = async () =>
  (
    await pipeline.query<{ last: string }>(
      `SELECT provider_last_name AS last FROM ${name}_app.npi_data_1 ORDER BY npi`,
    )
  ).map(({ last }) => last);
const releaseOf = (fileName: string) => fileName.replace('.zip', '');
const sha256Of = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('NPPES_URL on this disk', () => {
  it(
    'as a folder: loads each zip once, again when its content changes, and keeps the zips',
    exhaustive,
    async () => {
      const first = await week(source, '20260907-20260913', person(1));
      const second = await week(source, '20260914-20260920', person(2));
      writeFileSync(join(source, 'notes.txt'), 'no zip of CMS');
      const before = sha256Of(join(source, first));
      const { outcome, releases } = await pipeline.run();
      expect(outcome).toBe('published');
      expect(releases.map(({ release }) => release)).toEqual([releaseOf(first), releaseOf(second)]);
      expect(await lastNames()).toEqual(['NAME1', 'NAME2']);
      expect(readdirSync(source).sort()).toEqual([first, second, 'notes.txt'].sort());
      expect(sha256Of(join(pipeline.archive, first))).toBe(before);
      expect(await pipeline.run()).toMatchObject({ outcome: 'nothing due' });
      await week(source, '20260914-20260920', person(2, 'CORRECTED'));
      expect((await pipeline.run()).releases).toMatchObject([{ counts: { updated: 1 } }]);
      expect(await lastNames()).toEqual(['NAME1', 'CORRECTED']);
    },
  );

  it('as a saved page: loads the zips it links on this disk, and nothing from a server', async () => {
    const here = await week(zips, '20260907-20260913', person(1));
    const there = 'NPPES_Data_Dissemination_091426_092026_Weekly_V2.zip';
    writeFileSync(source, `<a href='./zips/${here}'></a><a href='https://download.cms.gov/nppes/${there}'>`);
    const first = await pipeline.run();
    expect(first.releases.map(({ release }) => release)).toEqual([releaseOf(here)]);
    expect(first.remarks.join()).toContain(`The page links ${there}, but the zip is not on this disk`);
    await week(base, '20260914-20260920', person(2));
    expect((await pipeline.run()).releases.map(({ release }) => release)).toEqual([releaseOf(there)]);
    rmSync(join(base, there));
  });

  it('as a saved page without any of its zips names one of them', async () => {
    const there = 'NPPES_Data_Dissemination_091426_092026_Weekly_V2.zip';
    writeFileSync(source, `<a href='https://download.cms.gov/nppes/${there}'>`);
    await expect(listedReleases(pathToFileURL(source).href, { signal: forever })).rejects.toThrow(
      `links 1 NPPES files, such as ${there}, but none of them is on this disk`,
    );
  });

  it('that does not exist is reported with path and reason, and so is a linked zip', async () => {
    const page = pathToFileURL(join(base, 'nowhere')).href;
    await expect(listedReleases(page, { signal: forever })).rejects.toMatchObject({
      code: 'PageUnreachable',
      message: expect.stringMatching(/Could not read file:\/\/\/.*\/nowhere on the host \S+: ENOENT\./),
    });
    const zip = { url: `${page}/a.zip`, path: join(zips, 'a.zip'), signal: forever };
    const download = downloadZip({ ...zip, onProgress: () => undefined, test: async () => undefined });
    await expect(download).rejects.toMatchObject({
      code: 'ReleaseUnavailable',
      message: expect.stringMatching(/\/nowhere\/a\.zip on the host \S+: ENOENT\./),
    });
  });

  it('as an empty folder contains no NPPES file', async () => {
    mkdirSync(source);
    await expect(listedReleases(pathToFileURL(source).href, { signal: forever })).rejects.toMatchObject({
      code: 'PageWithoutLinks',
    });
  });

  it('resumes an interrupted copy, unless the file changed', async () => {
    const from = join(source, 'week.zip');
    mkdirSync(source);
    const content = (fill: string) => Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(1e6, fill)]);
    const copy = (signal: AbortSignal, onProgress: (bytes: number) => void) =>
      downloadZip({
        url: pathToFileURL(from).href,
        path: join(zips, 'week.zip'),
        signal,
        onProgress,
        test: async () => undefined,
      });
    const cutOff = async () => {
      const stop = new AbortController();
      await expect(copy(stop.signal, () => stop.abort())).rejects.toThrow('aborted');
    };
    writeFileSync(from, content('first'));
    await cutOff();
    const seen: number[] = [];
    const { sha256, etag } = await copy(forever, (bytes) => seen.push(bytes));
    expect(sha256).toBe(sha256Of(from));
    expect(etag).toMatch(/^"[\da-f]+-[\da-f]+"$/);
    expect(Math.min(...seen)).toBeGreaterThan(65_536);
    await cutOff();
    writeFileSync(from, content('another content'));
    expect((await copy(forever, () => undefined)).sha256).toBe(sha256Of(from));
  });
});

const load = (...args: readonly string[]) => surgicase(['npi', 'load', ...args], pipeline.env, base);
const summary = (text: string) => ({ code: 0, out: expect.stringContaining(text) as string });

// None of these tests has a page: `source` does not exist.
describe('surgicase npi load', () => {
  it('loads a weekly from any kind of path, and says when it is already published', async () => {
    const zip = await week(zips, '20260907-20260913', person(1), person(2));
    const first = await load(join('zips', zip));
    expect(first).toMatchObject(summary('npi-update: published in'));
    expect(first.out).toContain('2 rows: 2 inserted');
    expect(readdirSync(zips)).toEqual([zip]);
    const again = await load(join(zips, zip), '--json');
    expect(again.code).toBe(0);
    expect(JSON.parse(again.out)).toMatchObject({
      workflowId: 'npi-update-manual',
      result: {
        outcome: 'nothing due',
        remarks: [
          `${releaseOf(zip)} is already published: nothing to load. To load published releases again, run \`surgicase npi rebuild --from-archive\`.`,
        ],
      },
    });
  });

  it('loads a week that is older than any on the page', async () => {
    const zip = await week(zips, '20240101-20240107', person(1));
    expect(await load(join(zips, zip))).toMatchObject(summary('1 rows: 1 inserted'));
  });

  it('replaces the tables with a monthly, and records the weeks that it covers', exhaustive, async () => {
    await load(join(zips, await week(zips, '20260907-20260913', person(1))));
    const monthly = await writeMonthly(zips, 'October_2026', '20261011', [person(2), person(3)]);
    expect(await load(join(zips, monthly))).toMatchObject(summary('2 rows: 2 inserted'));
    expect(await lastNames()).toEqual(['NAME2', 'NAME3']);
    const covered = [
      await week(zips, '20260914-20260920', person(4)),
      await writeMonthly(zips, 'September_2026', '20260913', [person(5)]),
    ];
    for (const zip of covered) {
      expect(await load(join(zips, zip))).toMatchObject(
        summary(
          `${releaseOf(zip)} ends before the loaded monthly (until 2026-10-11): superseded, not loaded.`,
        ),
      );
    }
    expect(await lastNames()).toEqual(['NAME2', 'NAME3']);
    const superseded = await pipeline.query<{ file: string }>(
      `SELECT file_name AS file FROM ${name}_own.npi_superseded ORDER BY file_name`,
    );
    expect(superseded.map(({ file }) => file)).toEqual(covered.toSorted());
    const later = await week(zips, '20261012-20261018', person(6));
    expect(await load(join(zips, later))).toMatchObject(summary('1 rows: 1 inserted'));
  });

  it('loads a deactivation report', exhaustive, async () => {
    await load(join(zips, await week(zips, '20260907-20260913', person(1), stub(2, '01/01/2026'))));
    const entries = [{ npi: npi(1), date: '09/10/2026' }];
    expect(await load(join(zips, await writeReport(zips, '091426', entries)))).toMatchObject(
      summary('1 rows: 0 inserted, 1 updated'),
    );
  });

  it('--dry-run publishes nothing, --no-wait only starts the run', exhaustive, async () => {
    const zip = join(zips, await week(zips, '20260907-20260913', person(1)));
    expect(await load(zip, '--dry-run')).toMatchObject(summary('npi-update: dry run in'));
    expect(await lastNames()).toEqual([]);
    const monthly = await writeMonthly(zips, 'October_2026', '20261011', [person(2)]);
    expect(await load(join(zips, monthly), '--dry-run')).toMatchObject(
      summary('is due: it would replace the live tables.'),
    );
    expect(await load(zip, '--no-wait')).toMatchObject(summary('npi-update started as npi-update-manual'));
    await pipeline.client.workflow.getHandle('npi-update-manual').result();
    expect(await lastNames()).toEqual(['NAME1']);
  });

  it('exits 2 for a name that is not a CMS file name, and for a missing file', async () => {
    writeFileSync(join(zips, 'week.zip'), '');
    for (const form of ['_Weekly_V2.zip', 'September_2026_V2.zip', 'NPPES_Deactivated_NPI_Report_'])
      expect(await load('zips/week.zip')).toMatchObject({ code: 2, err: expect.stringContaining(form) });
    const missing = await load('zips/NPPES_Data_Dissemination_September_2026_V2.zip', '--json');
    expect(missing.code).toBe(2);
    expect(missing.out).toMatch(
      /There is no file .*September_2026_V2\.zip on this host\. The worker reads it/,
    );
  });

  it('exits 1 for a file that is not a zip', exhaustive, async () => {
    const zip = 'NPPES_Data_Dissemination_September_2026_V2.zip';
    writeFileSync(join(zips, zip), '<html>log in</html>');
    expect(await load(join(zips, zip))).toMatchObject({ code: 1, out: expect.stringContaining('NotAZip') });
  });
});

describe('a run that starts with a file', () => {
  const failure = async (file: string) => {
    const error: unknown = await pipeline.run({ file }).catch((reason: unknown) => reason);
    return (error as { cause?: unknown }).cause;
  };

  it('fails when the worker does not find the file on its host', async () => {
    const zip = 'NPPES_Data_Dissemination_September_2026_V2.zip';
    expect(await failure(pathToFileURL(join(zips, zip)).href)).toMatchObject({
      type: 'InputRefused',
      message: expect.stringMatching(/V2\.zip on the host \S+: ENOENT\..*on its own host/),
    });
  });

  it.each([
    'https://download.cms.gov/nppes/NPPES_Data_Dissemination_September_2026_V2.zip',
    'file:///etc/passwd',
  ])('refuses %s', async (file) => {
    expect(await failure(file)).toMatchObject({ type: 'InputRefused' });
  });
});
