import { readFileSync } from 'node:fs';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createBed, type AdoptionBed } from '../../bed/adoption-bed.ts';
import { adoptedModel, adoptedTables, digests } from '../../models/adoption-model.ts';
import { surgicase } from '../../bed/cli.ts';
import { productionRows } from '../../generated/production-rows.ts';
import { exhaustive } from '../../bed/extent.ts';

// The schema names of docs/operations.md and those of this file's database.
const schemas = {
  allstars: 'adopt_rights_app',
  search_surgeon_facility: 'adopt_rights_search',
  surgicase_scheduler: 'adopt_rights_own',
};
const login = "'adopter'@'%'";
const rows = productionRows(100, 5);
let administrator: Connection;
let bed: AdoptionBed;

/** Every GRANT on the page. */
function documentedGrants(): string[] {
  const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const section = page.split('\n## Rights in MySQL\n')[1]?.split('\n## ')[0] ?? '';
  return Array.from(section.matchAll(/^GRANT .*;$/gm), ([grant]) =>
    Object.entries(schemas)
      .reduce((sql, [named, ours]) => sql.replace(` ${named}.`, ` ${ours}.`), grant)
      .replace("'surgicase'@'%'", login),
  );
}

beforeAll(async () => {
  administrator = await createConnection(inject('mysqlUrl'));
  bed = await createBed('adopt_rights', rows);
  await administrator.query(`CREATE USER ${login} IDENTIFIED BY 'adopter'`);
});

afterAll(async () => {
  await administrator.query(`DROP USER ${login}`);
  await administrator.end();
  await bed.drop();
});

it('adopts a database with only the documented rights', exhaustive, async () => {
  for (const grant of documentedGrants()) await administrator.query(grant);
  const url = Object.assign(new URL(bed.env['DATABASE_URL'] ?? ''), {
    username: 'adopter',
    password: 'adopter',
  });
  const env = { ...bed.env, DATABASE_URL: url.href };
  expect(await surgicase(['db', 'adopt', '--dry-run'], env)).toMatchObject({ code: 0 });
  const adopted = await surgicase(['db', 'adopt'], env);
  expect(adopted).toMatchObject({
    code: 0,
    out: expect.stringContaining('added to cases: billable_flag_ts'),
  });
  const found = await bed.session((session) => adoptedTables(session, bed.schemas));
  expect(digests(found)).toEqual(digests(adoptedModel(rows)));
  expect((await surgicase(['db', 'adopt', '--finish'], env)).code).toBe(0);
});
