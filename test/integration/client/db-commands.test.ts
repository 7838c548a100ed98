import { afterAll, expect, inject, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { openDatabase } from '../../bed/database.ts';
import { forever } from '../../bed/pipeline.ts';

const schemas = { application: 'dbcli_app', search: 'dbcli_search', scheduler: 'dbcli_own' };
const database = openDatabase(schemas.scheduler);
const query = <Row>(sql: string) => database.session(forever, (session) => session.query<Row>(sql));
const env = {
  DATABASE_URL: `${inject('mysqlUrl')}${schemas.application}`,
  SEARCH_SCHEMA: schemas.search,
  SCHEDULER_SCHEMA: schemas.scheduler,
};
const run = (...args: string[]) => surgicase(['db', ...args], env);
const created = () =>
  query(`SELECT table_name AS name FROM information_schema.tables WHERE table_schema LIKE 'dbcli\\_%'`);

afterAll(async () => {
  for (const schema of Object.values(schemas)) await query(`DROP DATABASE IF EXISTS ${schema}`);
  await database.close();
});

it('db migrate --dry-run prints the statements that db migrate runs, and db check what is still missing', async () => {
  const { statements } = JSON.parse((await run('migrate', '--dry-run', '--json')).out) as {
    statements: string[];
  };
  expect(await created()).toEqual([]);
  await database.session(forever, async (session) => {
    for (const sql of statements) await session.query(sql);
  });
  expect(await run('check')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/Registry: ready\nCases: not ready\n.*dbcli_app\.cases/s),
  });
  await query(`ALTER TABLE ${schemas.search}.search_surgeon_q MODIFY last_name VARCHAR(20)`);
  expect((await run('check')).out).toContain('search_surgeon_q has columns that are too narrow: last_name');
  expect((await run('migrate')).out).toContain('Nothing is missing.');
});
