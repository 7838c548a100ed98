import { readFileSync } from 'node:fs';
import type { WorkflowFailedError } from '@temporalio/client';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../../config/config.ts';
import { migrate } from '../../../db/schema/migrate.ts';
import { createLog } from '../../../telemetry/log.ts';
import { openDatabase, schemasOf } from '../../../worker/database.ts';
import { surgicase } from '../../bed/cli.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import { startOwnMysql, type OwnMysql } from '../../bed/own-mysql.ts';
import { forever, startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npidataCsv,
  organization,
  stub,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

// The schema names of docs/operations.md and those of this file's pipeline.
const schemas = {
  allstars: 'rights_app',
  search_surgeon_facility: 'rights_search',
  surgicase_scheduler: 'rights_own',
};
const login = "'rights'@'%'";
let server: OwnMysql;
let administrator: Connection;
let pipeline: Pipeline;

/**
 * The GRANTs that the page tells an administrator to run: for every job, what a monthly and an adoption need beside them, and
 * the columns of `cases`.
 */
function documentedGrants() {
  const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const section = page.split('\n## Rights in MySQL\n')[1]?.split('\n## ')[0] ?? '';
  const [weekly = [], monthly = [], adoption = [], columns = []] = Array.from(
    section.matchAll(/```sql\n(.*?)```/gs),
    ([, block = '']) =>
      Array.from(block.matchAll(/^GRANT .*;$/gm), ([grant]) =>
        Object.entries(schemas)
          .reduce((sql, [named, ours]) => sql.replace(` ${named}.`, ` ${ours}.`), grant)
          .replace("'surgicase'@'%'", login),
      ),
  );
  return { weekly, monthly, adoption, columns };
}

it('db grants prints the documented rights', async () => {
  const { out } = await surgicase(['db', 'grants', '--json', '--user', 'rights'], {
    DATABASE_URL: `mysql://any:any@127.0.0.1:1/${schemas.allstars}`,
    SEARCH_SCHEMA: schemas.search_surgeon_facility,
    SCHEDULER_SCHEMA: schemas.surgicase_scheduler,
  });
  const { weekly, monthly, adoption } = documentedGrants();
  expect(JSON.parse(out)).toEqual({ everyJob: weekly, monthly, adoption });
});

beforeAll(async () => {
  server = await startOwnMysql();
  administrator = await createConnection(server.url);
  const [SEARCH_SCHEMA, SCHEDULER_SCHEMA] = [schemas.search_surgeon_facility, schemas.surgicase_scheduler];
  const url = `${server.url}${schemas.allstars}`;
  const config = readConfig({ DATABASE_URL: url, SEARCH_SCHEMA, SCHEDULER_SCHEMA });
  if (!config.database) throw new Error('DATABASE_URL gave no database.');
  const setup = { config, database: config.database, log: createLog(config.log, () => undefined) };
  const database = openDatabase(setup);
  await migrate(database, schemasOf(setup), forever);
  await writeCases({ database, app: schemas.allstars }, [...casesOf(10, 3), ...casesOf(15, 2, 100)]);
  await database.close();
  await administrator.query(`CREATE USER ${login} IDENTIFIED BY 'rights'`);
  for (const grant of documentedGrants().weekly) await administrator.query(grant);
  const limited = Object.assign(new URL(url), { username: 'rights', password: 'rights' });
  pipeline = await startPipeline('rights', { DATABASE_URL: limited.href });
});

afterAll(async () => {
  for (const schema of Object.values(schemas))
    await administrator.query(`GRANT DROP ON ${schema}.* TO ${login}`);
  await pipeline.stop();
  await administrator.end();
  await server.stop();
});

it.each([
  { state: 'ON', earlier: '20260831-20260906', later: '20260907-20260913' },
  { state: 'OFF', earlier: '20260914-20260920', later: '20260921-20260927' },
])(
  'the rights of docs/operations.md are all that a run needs, local_infile $state',
  async ({ state, earlier, later }) => {
    await administrator.query(`SET GLOBAL local_infile = ${state}`);
    try {
      const known = [individual(1, 'KNOWN', '09/01/2026'), individual(2, 'MOVER', '09/01/2026')];
      const changed = [stub(1, '09/02/2026'), organization(2, 'MOVED', '09/02/2026'), { NPI: '1234567890' }];
      // The later week comes first, so that the earlier one takes every path through the tables.
      await writeWeekly(pipeline.site, later, npidataCsv(changed));
      expect((await pipeline.run()).outcome).toBe('published');
      await writeWeekly(pipeline.site, earlier, npidataCsv(known));
      expect((await pipeline.run()).outcome).toBe('published');
    } finally {
      await administrator.query('SET GLOBAL local_infile = ON');
    }
  },
);

it('the commands that look need no more rights, and doctor finds none missing', async () => {
  const env = { ...pipeline.env, NPI_BASELINE: 'never' };
  const doctor = JSON.parse((await surgicase(['doctor', '--json'], env)).out) as {
    lines: { check: string; state: string; text: string }[];
  };
  const wrong = doctor.lines.filter(({ state }) => state === 'wrong' || state === 'not checked');
  // No schedule was applied here.
  expect(wrong.filter(({ check }) => check !== 'schedules')).toEqual([]);
  for (const args of [
    ['status'],
    ['db', 'check'],
    ['runs', 'list'],
    ['npi', 'status'],
    ['npi', 'search', 'MOVED'],
    ['cases', 'preview'],
    ['cases', 'history'],
    ['db', 'migrate', '--dry-run'],
  ]) {
    const { code, out, err } = await surgicase(args, env);
    expect(`${args.join(' ')}: ${code} ${out}${err}`).toMatch(/: [01] /);
    expect(`${args.join(' ')}: ${out}${err}`).not.toMatch(/denied|Refused/);
  }
});

it(
  'a monthly and a rebuild go live with their documented rights, and are refused while one is missing',
  exhaustive,
  async () => {
    const rows = [individual(1, 'KNOWN', '10/01/2026'), organization(2, 'MOVED', '10/01/2026')];
    await writeMonthly(pipeline.site, 'October_2026', '20261011', rows);
    const { monthly } = documentedGrants();
    expect(monthly).toHaveLength(5);
    const last = monthly.pop() ?? '';
    for (const grant of monthly) await administrator.query(grant);
    const refused = await (
      await pipeline.start()
    )
      .result()
      .catch((error: WorkflowFailedError) => error.cause);
    expect(refused).toMatchObject({ type: 'DatabaseRefused' });
    await administrator.query(last);
    expect(await pipeline.run()).toMatchObject({ outcome: 'published', releases: [{ kind: 'monthly' }] });
    expect(await pipeline.run({ rebuild: true })).toMatchObject({ outcome: 'published' });
  },
);

it('cases move with the documented rights, and a missing right is named before anything moves', async () => {
  const first = await pipeline.startCases('pending-payment-update');
  expect(await first.result()).toMatchObject({ updated: 3 });
  const [moved] = await pipeline.query<{ id: string }>('SELECT run_id AS id FROM case_run');
  expect(await pipeline.undo(moved?.id ?? '')).toMatchObject({ updated: 3 });
  await administrator.query(`REVOKE UPDATE ON ${schemas.allstars}.cases FROM ${login}`);
  const handle = await pipeline.startCases('paid-update');
  const failure = await handle.result().catch((error: WorkflowFailedError) => error.cause);
  expect(failure).toMatchObject({ type: 'DatabaseRefused' });
  expect((failure as Error).message).toContain(
    "UPDATE command denied to user 'rights'@'localhost' for table 'cases'",
  );
  const [ledger] = await pipeline.query('SELECT COUNT(*) AS selections FROM case_run');
  expect(ledger).toEqual({ selections: 2 });
});

it('cases move and move back with rights on their columns alone, and then no patient can be read', async () => {
  await administrator.query(`REVOKE SELECT ON ${schemas.allstars}.cases FROM ${login}`);
  const { columns } = documentedGrants();
  expect(columns).toHaveLength(1);
  for (const grant of columns) await administrator.query(grant);
  const run = await pipeline.startCases('pending-payment-update');
  expect(await run.result()).toMatchObject({ updated: 3 });
  const { runId } = await run.describe();
  expect(await pipeline.undo(runId)).toMatchObject({ updated: 3 });
  const dry = await pipeline.startCases('pending-payment-update', { dryRun: true });
  expect(await dry.result()).toMatchObject({ outcome: 'dry run', found: 3 });
  const compared = await surgicase(['cases', 'compare', (await dry.describe()).runId], pipeline.env);
  expect(compared).toMatchObject({ code: 0, out: expect.stringContaining('3 still have the status 10') });
  const { out } = await surgicase(['doctor'], pipeline.env);
  expect(out).toMatch(/^ok +rights .*\n(.*\n)*ok +cases-table /m);
  await expect(pipeline.query(`SELECT patient_last FROM ${schemas.allstars}.cases`)).rejects.toThrow(
    "SELECT command denied to user 'rights'@'localhost' for column 'patient_last'",
  );
});
