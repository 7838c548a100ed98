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

it('db check names the keys that serve no search, with the statements that drop them', async () => {
  await run('migrate');
  const surplus = async () =>
    (JSON.parse((await run('check', '--json')).out) as { surplus: string[] }).surplus;
  expect(await surplus()).toEqual([]);
  await query(`ALTER TABLE ${schemas.application}.npi_data_1 ADD KEY idx_last_name (provider_last_name),
    ADD KEY idx_organization_name (provider_organization_name)`);
  await query(`ALTER TABLE ${schemas.search}.search_surgeon_b ADD KEY idx_npi (npi), ADD KEY idx_last_name (last_name),
    ADD KEY same_again (last_name, first_name)`);
  // They serve what the longer key does not.
  await query(`ALTER TABLE ${schemas.search}.search_surgeon_c ADD KEY short_name (last_name(5)),
    ADD UNIQUE KEY only_one (last_name, first_name, npi), ADD FULLTEXT KEY words (last_name)`);
  const statements = await surplus();
  expect(statements).toEqual([
    `ALTER TABLE ${schemas.application}.npi_data_1 DROP KEY \`idx_last_name\`, DROP KEY \`idx_organization_name\``,
    `ALTER TABLE ${schemas.search}.search_surgeon_b DROP KEY \`idx_npi\`, DROP KEY \`idx_last_name\`, DROP KEY \`same_again\``,
  ]);
  expect((await run('check')).out).toContain(`cost every load`);
  for (const statement of statements) await query(statement);
  expect(await surplus()).toEqual([]);
});
