import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { staticCredentials } from '../../../db/connection/credentials.ts';
import { connect, type Database } from '../../../db/connection/pool.ts';
import { startSqlProxy, type SqlProxy } from '../../bed/sql-proxy.ts';
import { exhaustive } from '../../bed/extent.ts';

const server = new URL(inject('mysqlUrl'));
const place = { host: server.hostname, port: Number(server.port) };
const login = { user: decodeURIComponent(server.username), password: decodeURIComponent(server.password) };
const never = new AbortController().signal;

let proxy: SqlProxy;
let database: Database;

beforeAll(async () => {
  proxy = await startSqlProxy(place, { judge: () => 'pass', stop: () => undefined });
  database = connect({
    host: '127.0.0.1',
    port: proxy.port,
    schema: 'no_schema',
    credentials: staticCredentials(login),
  });
});
afterEach(() => proxy.drop());
afterAll(async () => {
  await database.close();
  await proxy.close();
});

const query = (sql: string, signal = never) => database.session(signal, (session) => session.query(sql));
const secondsOf = async (work: Promise<unknown>): Promise<[seconds: number, end: unknown]> => {
  const startedMs = performance.now();
  const end = await work.catch((error: unknown) => error);
  return [(performance.now() - startedMs) / 1000, end];
};
const frozenWhile = async (running: Promise<unknown>): Promise<[seconds: number, end: unknown]> => {
  await delay(300);
  proxy.freeze();
  return secondsOf(running);
};

test('a statement whose answer never arrives is lost within seconds, and the next session works', async () => {
  const [seconds, end] = await frozenWhile(query('SELECT SLEEP(0.5)'));
  expect(end).toMatchObject({
    code: 'DatabaseUnreachable',
    message: expect.stringContaining('did not arrive'),
  });
  expect(seconds).toBeLessThan(20);
  expect(await query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test(
  'a statement on which the server still works is not lost, however long it takes',
  exhaustive,
  async () => {
    expect(await query('SELECT SLEEP(9) AS woken')).toEqual([{ woken: 0 }]);
  },
);

test('a load on a dead connection is lost', async () => {
  const load = database.session(never, async (session) => {
    await session.query('CREATE DATABASE IF NOT EXISTS half_open');
    await session.query('CREATE TABLE IF NOT EXISTS half_open.t (id INT PRIMARY KEY)');
    await session.load(
      'LOAD DATA LOCAL INFILE "rows" REPLACE INTO TABLE half_open.t (@id) SET id = @id + SLEEP(1)',
      Buffer.from('1\n'),
    );
  });
  const [seconds, end] = await frozenWhile(load);
  expect(end).toMatchObject({ code: 'DatabaseUnreachable' });
  expect(seconds).toBeLessThan(20);
  await query('DROP DATABASE half_open');
});

test('a cancelled session on a dead connection ends in time for an orchestrator', async () => {
  const abort = new AbortController();
  const running = query('SELECT SLEEP(60)', abort.signal);
  await delay(300);
  proxy.freeze();
  abort.abort(new Error('SIGTERM'));
  const [seconds, end] = await secondsOf(running);
  expect(end).toMatchObject({ message: 'SIGTERM' });
  expect(seconds).toBeLessThan(20);
});

test('idle connections that died are replaced, and closing does not wait for them', async () => {
  await Promise.all([1, 2, 3].map(() => query('SELECT SLEEP(0.3)')));
  proxy.freeze();
  const [used] = await secondsOf(query('SELECT 1'));
  expect(used).toBeLessThan(8);
  proxy.freeze();
  const other = connect({ ...place, schema: 'no_schema', credentials: staticCredentials(login) });
  await other.session(never, (session) => session.query('SELECT 1'));
  const [closed] = await secondsOf(Promise.all([database.close(), other.close()]));
  expect(closed).toBeLessThan(2);
});
