import { expect, it } from 'vitest';
import { startOwnMysql } from '../../bed/own-mysql.ts';
import { startPipeline } from '../../bed/pipeline.ts';
import { isOfApplication, tablesAfter } from '../../generated/random-rows.ts';
import {
  individual,
  npidataCsv,
  organization,
  stub,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';

const name = 'infile_off';
const monthly = [
  individual(1, 'O"NEIL\tX', '09/01/2026', { 'Provider First Name': 'ANN\nMARIE' }),
  individual(2, 'ÉCLAIR', '09/01/2026'),
  organization(3, 'MERCY', '09/01/2026'),
  stub(4, '01/02/2020'),
];

it('gives the same tables on a server that forbids LOAD DATA LOCAL', async () => {
  const server = await startOwnMysql();
  const more = {
    DATABASE_URL: `${server.url}${name}_app`,
    NPI_MAX_REFUSED: '100%',
    NPI_MIN_ROWS: '0%',
  };
  const pipeline = await startPipeline(name, more);
  const releases = [
    () => writeWeekly(pipeline.site, '20260914-20260920', npidataCsv([individual(9, 'LATER', '09/15/2026')])),
    () => writeMonthly(pipeline.site, 'September_2026', '20260913', monthly),
  ];
  const leftBehind = () => tablesAfter(name, pipeline, releases, isOfApplication);
  const local = await leftBehind();
  await pipeline.query('SET GLOBAL local_infile = OFF');
  expect(await leftBehind()).toEqual(local);
  await pipeline.stop();
  await server.stop();
});
