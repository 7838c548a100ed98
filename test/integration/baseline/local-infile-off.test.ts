import { expect, it } from 'vitest';
import { startOwnMysql } from '../../bed/own-mysql.ts';
import { startPipeline } from '../../bed/pipeline.ts';
import { startSqlProxy } from '../../bed/sql-proxy.ts';
import { isOfRegistry, tablesAfter } from '../../generated/random-rows.ts';
import {
  individual,
  npidataCsv,
  organization,
  stub,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'infile_off';
const monthly = [
  individual(1, 'O"NEIL\tX', '09/01/2026', { 'Provider First Name': 'ANN\nMARIE' }),
  individual(2, 'ÉCLAIR', '09/01/2026'),
  organization(3, 'MERCY', '09/01/2026'),
  stub(4, '01/02/2020'),
];

it(
  'gives the same tables on a server or behind a proxy that forbids LOAD DATA LOCAL',
  exhaustive,
  async () => {
    const server = await startOwnMysql();
    let isKnown = true;
    const { hostname, port } = new URL(server.url);
    const proxy = await startSqlProxy(
      { host: hostname, port: Number(port) },
      {
        judge: (sql) => (isKnown || !sql.startsWith('LOAD DATA') ? 'pass' : 'unknown'),
        stop: () => undefined,
      },
    );
    const url = new URL(`${server.url}${name}_app`);
    url.port = String(proxy.port);
    const more = { DATABASE_URL: url.href, NPI_MAX_REFUSED: '100%', NPI_MIN_ROWS: '0%' };
    const pipeline = await startPipeline(name, more);
    const releases = [
      () =>
        writeWeekly(pipeline.site, '20260914-20260920', npidataCsv([individual(9, 'LATER', '09/15/2026')])),
      () => writeMonthly(pipeline.site, 'September_2026', '20260913', monthly),
    ];
    const leftBehind = () => tablesAfter(name, pipeline, releases, isOfRegistry);
    const local = await leftBehind();
    isKnown = false;
    expect(await leftBehind()).toEqual(local);
    isKnown = true;
    await pipeline.query('SET GLOBAL local_infile = OFF');
    expect(await leftBehind()).toEqual(local);
    await pipeline.stop();
    await proxy.close();
    await server.stop();
  },
);
