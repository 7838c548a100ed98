import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startOwnMysql, type OwnMysql } from '../../bed/own-mysql.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { referenceMembers, referenceRows } from '../../bed/references.ts';
import { npi, npidataCsv, organization, writeMonthly, writeWeekly } from '../../generated/release-zip.ts';

const name = 'ref_rights';
const setting = { NPI_REFERENCE_FILES: 'on', NPI_BASELINE: 'never' };
let server: OwnMysql;
let administrator: Connection;
let limited: Pipeline;

/** A server with the tables of the service, and a login that has the rights that `db grants` prints. */
beforeAll(async () => {
  server = await startOwnMysql();
  administrator = await createConnection(server.url);
  const env = {
    DATABASE_URL: `${server.url}${name}_app`,
    SEARCH_SCHEMA: `${name}_search`,
    SCHEDULER_SCHEMA: `${name}_own`,
    ...setting,
  };
  await surgicase(['db', 'migrate'], env);
  const { out } = await surgicase(['db', 'grants', '--json', '--user', 'few'], env);
  const { everyJob, monthly } = JSON.parse(out) as Record<'everyJob' | 'monthly', string[]>;
  await administrator.query("CREATE USER few IDENTIFIED BY 'few'");
  await administrator.query(`CREATE TABLE ${name}_app.cases (case_id INT PRIMARY KEY)`);
  for (const grant of [...everyJob, ...monthly]) await administrator.query(grant);
  const url = Object.assign(new URL(env.DATABASE_URL), { username: 'few', password: 'few' });
  limited = await startPipeline(name, { DATABASE_URL: url.href, ...setting });
});
afterAll(async () => {
  for (const schema of ['app', 'search', 'own'])
    await administrator.query(`GRANT DROP ON ${name}_${schema}.* TO few`);
  await limited.stop();
  await administrator.end();
  await server.stop();
});

it(
  'reference files load with the rights of db grants, with and without LOAD DATA LOCAL',
  exhaustive,
  async () => {
    const rows = [organization(1, 'ONE', '09/01/2026')];
    const loads = [
      [20260913_0001, 'OFF', '20260907-20260913'],
      [20260920_0001, 'ON', '20260914-20260920'],
      [20261011_1001, 'OFF', 'October_2026'],
      [20261108_1001, 'ON', 'November_2026'],
    ] as const;
    for (const [releaseId, localInfile, period] of loads) {
      await administrator.query(`SET GLOBAL local_infile = ${localInfile}`);
      const text = `A "B"\t\\N ${localInfile}`;
      const members = referenceMembers({
        othername: [
          [1, text, '3'],
          [1, 'NULL', '3'],
          [1, text, '3'],
        ],
        endpoint: [[1, 'FHIR']],
      });
      const isWeekly = period.includes('-');
      if (isWeekly) await writeWeekly(limited.site, period, npidataCsv(rows), undefined, members);
      else await writeMonthly(limited.site, period, String(releaseId).slice(0, 8), rows, undefined, members);
      const { outcome } = await limited.run(isWeekly ? {} : { replace: true });
      expect(outcome).toBe('published');
      expect(await referenceRows(limited, 'npi_other_name')).toEqual([
        [npi(1), text, releaseId],
        [npi(1), 'NULL', releaseId],
      ]);
      expect(await referenceRows(limited, 'npi_endpoint')).toEqual([[npi(1), 'FHIR', releaseId]]);
    }
  },
);
