import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { staticCredentials } from '../../../db/connection/credentials.ts';
import { connect } from '../../../db/connection/pool.ts';
import { otherLoader } from '../../../db/ledger/other-loader.ts';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npidataCsv, writeMonthly, writeWeekly } from '../../generated/release-zip.ts';

// The scheduler that this service replaces writes its lines in the same log, also for the files that this service loads.
const name = 'other_loader';
const app = `${name}_app`;
const week = '20260914-20260920';
const file = `npidata_pfile_${week}.csv`;
const rows = npidataCsv([individual(1, 'SMITH', '09/15/2026')]);
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
beforeEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const logs = (filename: string, when = 'NOW()') =>
  pipeline.query(
    `INSERT INTO ${app}.npi_update_log (execution_ts, filename_processed, created_ts) VALUES (${when}, '${filename}', ${when})`,
  );
const found = () =>
  pipeline.database.session(new AbortController().signal, (session) =>
    otherLoader(session, { application: app }),
  );
const problems = async () => {
  const { out } = await surgicase(['status', '--check', '--json'], pipeline.env);
  return (JSON.parse(out) as { problems: string[] }).problems.filter((text) => text.includes(file));
};

it('says nothing of the lines that this service writes, whatever it loads', async () => {
  await logs(file);
  expect(await found()).toBeUndefined();
  await writeMonthly(pipeline.site, 'September_2026', '20260913', [individual(1, 'SMITH', '09/01/2026')]);
  await writeWeekly(pipeline.site, week, rows);
  await pipeline.query(`DELETE FROM ${app}.npi_update_log`);
  expect((await pipeline.run({ replace: true })).outcome).toBe('published');
  await writeWeekly(pipeline.site, week, npidataCsv([individual(1, 'JONES', '09/16/2026')]));
  expect((await pipeline.run()).outcome).toBe('published');
  expect(await pipeline.query(`SELECT 1 FROM ${app}.npi_update_log`)).toHaveLength(3);
  expect(await found()).toBeUndefined();
  expect((await pipeline.run({ rebuild: true })).outcome).toBe('published');
  expect(await found()).toBeUndefined();
});

it('finds a line of another loader, also for a file that this service has loaded', async () => {
  await writeWeekly(pipeline.site, week, rows);
  await pipeline.run();
  await logs('npidata_pfile_20260907-20260913.csv', 'NOW() - INTERVAL 1 DAY');
  expect(await found()).toBeUndefined();
  await logs(`/srv/npi_data/${file}`, 'NOW() + INTERVAL 1 SECOND');
  expect(await found()).toMatch(
    new RegExp(`^Another program .* at 20\\d\\d-\\S+ \\S+ UTC it wrote the line ${file} to ${app}`),
  );
  await pipeline.query(`UPDATE ${app}.npi_update_log SET created_ts = created_ts - INTERVAL 15 DAY`);
  await pipeline.query('UPDATE npi_release SET published_at = published_at - INTERVAL 15 DAY');
  expect(await found()).toBeUndefined();
});

it('distinguishes the line of a release that is rolled back from one of another loader', async () => {
  await writeWeekly(pipeline.site, week, rows);
  await pipeline.run();
  const next = '20260921-20260927';
  await writeWeekly(pipeline.site, next, npidataCsv([individual(1, 'JONES', '09/22/2026')]));
  await pipeline.run();
  await logs(`npidata_pfile_${next}.csv`);
  expect(await found()).toContain(next);
  await pipeline.run({ rollback: 'back' });
  expect(await found()).toContain(next);
  await pipeline.query(
    `DELETE FROM ${app}.npi_update_log WHERE filename_processed LIKE '%${next}.csv' LIMIT 1`,
  );
  expect(await found()).toBeUndefined();
  await pipeline.run({ rollback: 'resume' });
  expect(await found()).toBeUndefined();
});

it('says nothing to a login that may not read the log', async () => {
  await writeWeekly(pipeline.site, week, rows);
  await pipeline.run();
  await logs(file, 'NOW() + INTERVAL 1 SECOND');
  const login = "'no_log'@'%'";
  await pipeline.query(`CREATE USER ${login} IDENTIFIED BY 'no_log'`);
  await pipeline.query(`GRANT SELECT ON ${name}_own.* TO ${login}`);
  const { hostname, port } = new URL(inject('mysqlUrl'));
  const credentials = staticCredentials({ user: 'no_log', password: 'no_log' });
  const database = connect({ host: hostname, port: Number(port), schema: `${name}_own`, credentials });
  expect(
    await database.session(new AbortController().signal, (session) =>
      otherLoader(session, { application: app }),
    ),
  ).toBeUndefined();
  await database.close();
  await pipeline.query(`DROP USER ${login}`);
});

it('is a problem of the status page and of doctor, until a warning of the next run is acknowledged', async () => {
  await writeWeekly(pipeline.site, week, rows);
  await pipeline.run();
  await logs(file, 'NOW() + INTERVAL 1 SECOND');
  expect(await problems()).toEqual([expect.stringMatching(/^Another program loads the registry too/)]);
  const doctor = await surgicase(['doctor'], pipeline.env);
  expect(doctor.out + doctor.err).toMatch(/other-loader.*Another program/);
  await pipeline.run();
  const [warning] = await problems();
  expect(warning).toMatch(/^warning \d+ of npi-update: Another program/);
  const number = warning?.split(' ')[1] ?? '';
  await surgicase(['status', '--acknowledge', number, '--reason', 'stopped'], pipeline.env);
  expect(await problems()).toEqual([]);
  await logs(file, 'NOW() + INTERVAL 2 SECOND');
  expect(await problems()).toHaveLength(1);
});
