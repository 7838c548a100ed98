import { rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { differences, linesOfAnyVersion } from '../../bed/npi-tables.ts';
import type { Lines } from '../../models/npi-model.ts';
import { surgicase } from '../../bed/cli.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  stub,
  weeklyName,
  writeMonthly,
  writeReport,
  writeWeekly,
} from '../../generated/release-zip.ts';

const name = 'npi_rebuild';
const firstWeek = '20260914-20260920';
const secondWeek = '20260921-20260927';
const thirdWeek = '20260928-20261004';
const zipName = (period: string) => weeklyName(period).replace('.zip', '');
let pipeline: Pipeline;
let monthly: string;
let report: string;
/** The tables after the second week, and at the end. */
let afterSecondWeek: Lines;
let atTheEnd: Lines;

const week = (period: string, rows: Parameters<typeof npidataCsv>[0]) =>
  writeWeekly(pipeline.site, period, npidataCsv(rows));

beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MIN_ROWS: '0%' });
});
afterAll(() => pipeline.stop());

/** Loads a monthly, three weeks and a report, each with rows that only the order of the releases explains. */
beforeEach(async () => {
  await pipeline.reset();
  monthly = await writeMonthly(pipeline.site, 'September_2026', '20260913', [
    individual(1, 'SMITH', '09/01/2026'),
    individual(2, 'JONES', '09/10/2026'),
    organization(3, 'MERCY', '09/01/2026'),
    individual(4, 'LEE', '09/01/2026'),
    stub(5, '01/02/2020'),
    { NPI: npi(6), 'Entity Type Code': '3' },
  ]);
  await week(firstWeek, [
    individual(1, 'SMITH-ADAMS', '09/15/2026'),
    // Stale when it comes.
    individual(2, 'JOHNSON', '09/05/2026'),
    individual(7, 'NEWMAN', '09/16/2026'),
  ]);
  await week(secondWeek, [stub(4, '09/22/2026'), individual(6, 'LATER', '09/23/2026')]);
  await pipeline.run();
  afterSecondWeek = await tables();
  await week(thirdWeek, [
    individual(7, 'NEWMAN-HALL', '09/29/2026'),
    { NPI: npi(8), 'Entity Type Code': '3' },
  ]);
  report = await writeReport(pipeline.site, '100526', [
    { npi: npi(1), date: '10/01/2026' },
    { npi: npi(4), date: '09/22/2026' },
    { npi: npi(5), date: '01/02/2020' },
  ]);
  await pipeline.run();
  atTheEnd = await tables();
});

const tables = () => linesOfAnyVersion(name, pipeline);

async function damage(): Promise<void> {
  await pipeline.query(`DELETE FROM ${name}_app.npi_data_2`);
  await pipeline.query(
    `UPDATE ${name}_app.npi_data_1 SET provider_last_name = 'WRONG', data_release = 999999999999`,
  );
  await pipeline.query(`DELETE FROM ${name}_search.search_surgeon_all`);
}

it('brings damaged tables back as they were, and leaves nothing to load for the next run', async () => {
  await damage();
  const emptied = async () => (await surgicase(['status', '--check'], pipeline.env)).out;
  expect(await emptied()).toContain(
    `${name}_app.npi_data_2, ${name}_search.search_surgeon_all are empty, although published releases have rows for them. Run`,
  );
  // An adoption would empty the search tables of the facilities too.
  expect(await surgicase(['db', 'adopt'], pipeline.env)).toMatchObject({
    code: 1,
    err: expect.stringContaining(
      `${name}_app.npi_data_2 is empty although published releases have rows for it.`,
    ),
  });
  const { outcome, releases, remarks } = await pipeline.run({ rebuild: true, by: 'ana', reason: 'disk' });
  expect(outcome).toBe('published');
  expect(releases.map(({ release }) => `${release}.zip`)).toEqual([
    monthly,
    ...[firstWeek, secondWeek, thirdWeek].map(weeklyName),
    report,
  ]);
  expect(remarks[0]).toMatch(/^Rebuild from the archive .*September_2026.*100526/);
  expect(differences(await tables(), atTheEnd)).toEqual([]);
  expect(await pipeline.query(`SELECT what, decided_by, reason FROM ${name}_own.decision`)).toEqual([
    { what: 'rebuild', decided_by: 'ana', reason: 'disk' },
  ]);
  expect(await emptied()).not.toContain('empty');
  expect((await pipeline.run()).outcome).toBe('nothing due');
  await pipeline.query(`DELETE FROM ${name}_search.search_surgeon_n`);
  expect(await emptied()).toContain(`${name}_search.search_surgeon_n is empty`);
  await pipeline.run({ rebuild: true });
  expect(differences(await tables(), atTheEnd)).toEqual([]);
});

it('ends with the release of `until`, and the next run loads what comes after it', async () => {
  const until = zipName(secondWeek);
  expect(await pipeline.run({ rebuild: true, until })).toMatchObject({ outcome: 'published' });
  expect(differences(withoutLog(await tables()), withoutLog(afterSecondWeek))).toEqual([]);
  const { releases } = await pipeline.run();
  expect(releases.map(({ release }) => `${release}.zip`)).toEqual([weeklyName(thirdWeek), report]);
  expect(differences(await tables(), atTheEnd)).toEqual([]);
});

/** The log keeps a line for each load. */
const withoutLog = (lines: Lines) =>
  new Map([...lines].filter(([place]) => !place.startsWith('npi_update_log')));

it('fills an empty database', exhaustive, async () => {
  await emptyDatabase();
  const { outcome } = await pipeline.run({ rebuild: true });
  expect(outcome).toBe('published');
  expect(differences(await tables(), atTheEnd)).toEqual([]);
});

async function emptyDatabase(): Promise<void> {
  const found = await pipeline.query<{ place: string }>(
    `SELECT CONCAT(table_schema, '.', table_name) AS place FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema LIKE '${name}\\_%' AND table_name NOT IN ('migration', 'search_letter')`,
  );
  for (const { place } of found) await pipeline.query(`DELETE FROM ${place}`);
}

it('changes nothing when the archive lacks a published release, a monthly, or the release of `until`', async () => {
  rmSync(join(pipeline.archive, weeklyName(secondWeek)));
  await expect(refusal({ rebuild: true })).resolves.toMatch(
    new RegExp(`lacks ${zipName(secondWeek)}, which is published.*--until`),
  );
  await expect(refusal({ rebuild: true, until: zipName(secondWeek) })).resolves.toMatch(
    `The archive has no ${zipName(secondWeek)}. It has: `,
  );
  rmSync(join(pipeline.archive, monthly));
  await expect(refusal({ rebuild: true })).resolves.toMatch('The archive has no monthly');
  rmSync(pipeline.archive, { recursive: true });
  await expect(refusal({ rebuild: true })).resolves.toMatch('has no zips of CMS');
  expect(differences(await tables(), atTheEnd)).toEqual([]);
});

async function refusal(input: Parameters<Pipeline['run']>[0]): Promise<string> {
  const error = await pipeline.run(input).then(
    () => undefined,
    (failed: unknown) => failed as WorkflowFailedError,
  );
  return error?.cause?.message ?? 'The run did not fail.';
}

it('changes nothing in a dry run, and lists what it would load', exhaustive, async () => {
  const { outcome, remarks } = await pipeline.run({ rebuild: true, dryRun: true, until: zipName(firstWeek) });
  expect(outcome).toBe('dry run');
  expect(remarks[0]).toMatch(new RegExp(`: ${monthly.replace('.zip', '')}, ${zipName(firstWeek)}\\.$`));
  expect(differences(await tables(), atTheEnd)).toEqual([]);
});

it('stops at a damaged zip of the archive before it changes anything', exhaustive, async () => {
  rmSync(join(pipeline.archive, monthly));
  await writeMonthly(pipeline.archive, 'September_2026', '20260913', [individual(1, 'SMITH', '09/01/2026')]);
  const path = join(pipeline.archive, monthly);
  truncateSync(path, statSync(path).size - 100);
  await expect(refusal({ rebuild: true })).resolves.toMatch(/damaged/i);
  expect(differences(await tables(), atTheEnd)).toEqual([]);
});
