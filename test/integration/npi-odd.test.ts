import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startPipeline, type Pipeline } from '../pipeline.ts';
import { individual, npi, npidataCsv, weeklyName, writeWeekly } from '../release-zip.ts';

// Weeks as CMS has not sent them yet, and a server that has moods.
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

it('a week without a row is a week, and the next one follows it', async () => {
  await writeWeekly(pipeline.site, weeks[0], npidataCsv([]));
  await writeWeekly(pipeline.site, weeks[1], npidataCsv([individual(1, 'NEXT', '09/15/2026')]));
  const { outcome, releases } = await pipeline.run();
  expect({ outcome, rows: releases.map(({ counts }) => counts.rows) }).toEqual({
    outcome: 'published',
    rows: [0, 1],
  });
  expect((await pipeline.run()).outcome).toBe('nothing due');
});

it('a zip whose member names another week does not hide that week', async () => {
  const first = npidataCsv([individual(1, 'MISNAMED', '09/08/2026')]);
  await writeWeekly(pipeline.site, weeks[0], first, weeklyName(weeks[1]));
  expect((await pipeline.run()).remarks.join()).toContain('covers the days until 2026-09-13');
  await writeWeekly(pipeline.site, weeks[0], npidataCsv([individual(2, 'REAL', '09/08/2026')]));
  expect((await pipeline.run()).outcome).toBe('published');
  expect(await lastNames()).toEqual([{ name: 'MISNAMED' }, { name: 'REAL' }]);
});

it('a published zip that cannot be asked after keeps no new week waiting', async () => {
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

it('a tab that moves from one field to the next is a change, in the tables and in the search', async () => {
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
