import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  weeklyName,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';

// Unusual weeks that CMS has not published so far, and an unreliable server.
const weeks = ['20260907-20260913', '20260914-20260920'] as const;
const practice = {
  line: 'Provider First Line Business Practice Location Address',
  city: 'Provider Business Practice Location Address City Name',
};
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('odd');
});
afterEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const lastNames = () =>
  pipeline.query('SELECT provider_last_name AS name FROM odd_app.npi_data_1 ORDER BY npi');

it('a week without rows counts as loaded, and the next week follows', async () => {
  await writeWeekly(pipeline.site, weeks[0], npidataCsv([]));
  await writeWeekly(pipeline.site, weeks[1], npidataCsv([individual(1, 'NEXT', '09/15/2026')]));
  const { outcome, releases } = await pipeline.run();
  expect({ outcome, rows: releases.map(({ counts }) => counts.rows) }).toEqual({
    outcome: 'published',
    rows: [0, 1],
  });
  expect((await pipeline.run()).outcome).toBe('nothing due');
});

it('a row that a later week repeats unchanged counts as one of that week', async () => {
  for (const week of weeks)
    await writeWeekly(pipeline.site, week, npidataCsv([individual(1, 'SAME', '09/08/2026')]));
  await pipeline.run();
  expect(await pipeline.query('SELECT CAST(data_release AS CHAR) AS id FROM odd_app.npi_data_1')).toEqual([
    { id: expect.stringMatching(/^20260920/) },
  ]);
});

it('a zip whose member names another week does not hide that week', async () => {
  const first = npidataCsv([individual(1, 'MISNAMED', '09/08/2026')]);
  await writeWeekly(pipeline.site, weeks[0], first, weeklyName(weeks[1]));
  expect((await pipeline.run()).remarks.join()).toContain('covers the days up to 2026-09-13');
  await writeWeekly(pipeline.site, weeks[0], npidataCsv([individual(2, 'REAL', '09/08/2026')]));
  expect((await pipeline.run()).outcome).toBe('published');
  expect(await lastNames()).toEqual([{ name: 'MISNAMED' }, { name: 'REAL' }]);
});

it('loads a new week even if it cannot check whether a published zip changed', async () => {
  await writeWeekly(pipeline.site, weeks[0], npidataCsv([individual(1, 'KNOWN', '09/08/2026')]));
  await pipeline.run();
  await writeWeekly(pipeline.site, weeks[1], npidataCsv([individual(2, 'NEW', '09/15/2026')]));
  pipeline.page.intercept = (request, response) => {
    if (request.method !== 'HEAD') return false;
    response.writeHead(302, { location: 'http://localhost:1/elsewhere.zip' }).end();
    return true;
  };
  expect((await pipeline.run()).outcome).toBe('published');
  expect(await lastNames()).toEqual([{ name: 'KNOWN' }, { name: 'NEW' }]);
});

it('a tab that moves from one field to the next is a change in the provider and search tables', async () => {
  const row = (line: string, city: string) =>
    npidataCsv([individual(1, 'TAB', '09/08/2026', { [practice.line]: line, [practice.city]: city })]);
  await writeWeekly(pipeline.site, weeks[0], row('X\tY', 'Z'));
  await pipeline.run();
  await writeWeekly(pipeline.site, weeks[1], row('X', 'Y\tZ'));
  expect((await pipeline.run()).releases[0]?.counts.updated).toBe(1);
  expect(
    await pipeline.query(`SELECT address, city FROM odd_search.search_surgeon_t WHERE npi = ${npi(1)}`),
  ).toEqual([{ address: 'X', city: 'Y\tZ' }]);
});

it('a difference in only case, accent or trailing space is a change in the provider and search tables', async () => {
  const names = ['Renee', 'RENEE', 'RENÉE', 'RENEE '] as const;
  const week = (of: (index: number) => string, day: string) =>
    npidataCsv([1, 2, 3].map((index) => individual(index, of(index), `09/${day}/2026`)));
  await writeWeekly(
    pipeline.site,
    weeks[0],
    week(() => names[0], '08'),
  );
  await pipeline.run();
  // The dates are equal, so that only the names differ.
  await writeWeekly(
    pipeline.site,
    weeks[1],
    week((index) => names[index] ?? '', '08'),
  );
  expect((await pipeline.run()).releases[0]?.counts).toMatchObject({ updated: 3, unchanged: 0 });
  for (const [table, column] of [
    ['odd_app.npi_data_1', 'provider_last_name'],
    ['odd_search.search_surgeon_all', 'last_name'],
    ['odd_search.search_surgeon_r', 'last_name'],
  ]) {
    const rows = await pipeline.query<{ name: string }>(
      `SELECT ${column} AS name FROM ${table} ORDER BY npi`,
    );
    expect(rows.map(({ name }) => name)).toEqual(names.slice(1));
  }
});

it('replaces a NULL of an older loader with the empty field of the file', async () => {
  await writeWeekly(pipeline.site, weeks[0], npidataCsv([individual(1, 'OLDER', '09/08/2026')]));
  await pipeline.run();
  await pipeline.query('UPDATE odd_app.npi_data_1 SET provider_middle_name = NULL');
  await pipeline.query('DELETE FROM odd_own.npi_release');
  expect((await pipeline.run()).releases[0]?.counts).toMatchObject({ updated: 1, unchanged: 0 });
  expect(await pipeline.query('SELECT provider_middle_name AS name FROM odd_app.npi_data_1')).toEqual([
    { name: '' },
  ]);
});

it('a name that begins with a blank is found under its first visible character, in a weekly and in a monthly', async () => {
  const blanks = ['\t', '\r', '\u00a0', '\u3000', '\u200b', '\ufeff', ' \t '];
  const rows = [
    ...blanks.map((blank, i) => individual(i, `${blank}TABOR`, '09/08/2026')),
    individual(20, '\t\u00a0', '09/08/2026'),
    individual(21, '\t3M', '09/08/2026'),
  ];
  const listed = async () => ({
    t: (await pipeline.query('SELECT npi FROM odd_search.search_surgeon_t')).length,
    a: await pipeline.query('SELECT npi FROM odd_search.search_surgeon_a'),
    all: (await pipeline.query('SELECT npi FROM odd_search.search_surgeon_all')).length,
  });
  const expected = { t: blanks.length, a: [{ npi: Number(npi(21)) }], all: rows.length };
  await writeWeekly(pipeline.site, weeks[0], npidataCsv(rows));
  await pipeline.run();
  expect(await listed()).toEqual(expected);
  await pipeline.reset();
  await writeMonthly(pipeline.site, 'September_2026', '20260913', rows);
  await pipeline.run({ replace: true });
  expect(await listed()).toEqual(expected);
});
