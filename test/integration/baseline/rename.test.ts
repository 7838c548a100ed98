import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Database } from '../../../db/connection/pool.ts';
import { renameTables } from '../../../db/baseline/rename.ts';
import { openDatabase } from '../../bed/database.ts';
import { forever } from '../../bed/pipeline.ts';

const schema = 'rename_test';
let database: Database;
const query = <Row>(sql: string) => database.session(forever, (session) => session.query<Row>(sql));

beforeAll(async () => {
  database = openDatabase(schema);
  for (const sql of [
    `CREATE DATABASE ${schema}`,
    `CREATE TABLE ${schema}.live (id INT PRIMARY KEY)`,
    `INSERT INTO ${schema}.live VALUES (1)`,
  ])
    await query(sql);
});
afterAll(async () => {
  await query(`DROP DATABASE ${schema}`);
  await database.close();
});

const statements = async () =>
  (
    await query<{ info: string }>(
      `SELECT info FROM information_schema.processlist WHERE db = '${schema}' AND id <> CONNECTION_ID() AND info IS NOT NULL`,
    )
  ).map(({ info }) => info);

it('a rename that a reader keeps waiting lets other readers pass in growing pauses, and succeeds after that reader', async () => {
  const events = new EventEmitter();
  const [hasRead, mayEnd] = ['has read', 'may end'].map((event) => once(events, event));
  const reader = database.session(forever, (session) =>
    session.transaction(async () => {
      await session.query('SELECT id FROM live');
      events.emit('has read');
      await mayEnd;
    }),
  );
  await hasRead;
  const renamed = database.session(forever, (session) => renameTables(session, [['live', 'replaced']]));
  const pauses: string[] = [];
  for (const seconds of ['0.5', '1']) {
    const pause = `SELECT SLEEP(${seconds})`;
    await vi.waitFor(async () => expect(await statements()).toContain(pause), {
      timeout: 30_000,
      interval: 20,
    });
    // Behind a waiting RENAME, this reader would wait too.
    expect(await query('SELECT id FROM live')).toEqual([{ id: 1 }]);
    if ((await statements()).includes(pause)) pauses.push(pause);
  }
  // The pause of 0.5 s can end while the other reader's answer is on its way.
  expect(pauses).toContain('SELECT SLEEP(1)');
  events.emit('may end');
  await Promise.all([reader, renamed]);
  expect(await query('SELECT id FROM replaced')).toEqual([{ id: 1 }]);
});
