import { setTimeout as pause } from 'node:timers/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { startOwnMysql, type OwnMysql } from '../../bed/own-mysql.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npidataCsv, writeMonthly, writeWeekly } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

// Readers on a replica with row-based replication and GTIDs: docs/operations.md, "Readers on a replica".
const name = 'npi_replica';
const providerCount = 2000;
let primary: OwnMysql;
let replica: OwnMysql;
let pipeline: Pipeline;

const settings = (id: number) => [
  `--server-id=${id}`,
  '--log-bin=binlog',
  '--gtid-mode=ON',
  '--enforce-gtid-consistency=ON',
];

beforeAll(async () => {
  [primary, replica] = [await startOwnMysql(settings(1)), await startOwnMysql(settings(2))];
  const { hostname, port } = new URL(primary.url);
  const source = await createConnection(primary.url);
  await source.query("CREATE USER replicator IDENTIFIED BY 'replicator'");
  await source.query('GRANT REPLICATION SLAVE ON *.* TO replicator');
  const [[gtids]] = await source.query<RowDataPacket[]>('SELECT @@GLOBAL.gtid_executed AS executed');
  await source.end();
  const follower = await createConnection(replica.url);
  // Each server has made its own login, which stays its own.
  await follower.query('RESET BINARY LOGS AND GTIDS');
  await follower.query('SET GLOBAL gtid_purged = ?', [gtids?.['executed']]);
  await follower.query(
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST = ?, SOURCE_PORT = ?, SOURCE_USER = 'replicator',
       SOURCE_PASSWORD = 'replicator', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1`,
    [hostname, Number(port)],
  );
  await follower.query('START REPLICA');
  await follower.end();
  pipeline = await startPipeline(name, { DATABASE_URL: `${primary.url}${name}_app`, NPI_MIN_ROWS: '0%' });
});
beforeEach(() => pipeline.reset());
afterAll(async () => {
  await pipeline.stop();
  await primary.stop();
  await replica.stop();
});

const september = (city: string) =>
  writeMonthly(
    pipeline.site,
    'September_2026',
    '20260913',
    Array.from({ length: providerCount }, (_, i) =>
      individual(i, 'SMITH', '09/01/2026', { 'Provider Business Practice Location Address City Name': city }),
    ),
  );
const cities = (reader: Connection) =>
  reader
    .query<RowDataPacket[]>(`SELECT DISTINCT city FROM ${name}_search.search_surgeon_s`)
    .then(([rows]) => rows.map((row) => String(row['city'])).join());

/** Waits until the replica shows this city. */
const shows = (reader: Connection, city: string) =>
  vi.waitFor(async () => expect(await cities(reader)).toBe(city), { timeout: 60_000, interval: 50 });

async function readUntil(signal: AbortSignal) {
  const reader = await createConnection(replica.url);
  const seen = new Set<string>();
  const errors: unknown[] = [];
  const look = () =>
    cities(reader).then(
      (city) => void seen.add(city),
      (error: unknown) => void errors.push(error),
    );
  for (; !signal.aborted; await pause(5)) await look();
  // Once more, so that the final state is seen.
  await look();
  await reader.end();
  return { seen: [...seen], errors };
}

it('readers see a monthly from before or from after its swap, and a week whole', exhaustive, async () => {
  const reader = await createConnection(replica.url);
  await september('BEFORE');
  await pipeline.run();
  await shows(reader, 'BEFORE');
  const done = new AbortController();
  const read = readUntil(done.signal);
  await september('AFTER');
  await pipeline.run();
  await shows(reader, 'AFTER');
  const rows = Array.from({ length: providerCount }, (_, i) =>
    individual(i, 'SMITH', '09/15/2026', { 'Provider Business Practice Location Address City Name': 'WEEK' }),
  );
  await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv(rows));
  await pipeline.run();
  await shows(reader, 'WEEK');
  done.abort();
  const { seen, errors } = await read;
  expect(errors).toEqual([]);
  expect(seen).toEqual(['BEFORE', 'AFTER', 'WEEK']);
  await reader.end();
});

it(
  'an open transaction on the replica holds back the swap there, and new readers with it',
  exhaustive,
  async () => {
    const reader = await createConnection(replica.url);
    await september('BEFORE');
    await pipeline.run();
    await shows(reader, 'BEFORE');
    await reader.query('START TRANSACTION');
    await cities(reader);
    await september('AFTER');
    expect((await pipeline.run()).outcome).toBe('published');
    const other = await createConnection(replica.url);
    const waiting = () =>
      other.query<RowDataPacket[]>(
        "SELECT state FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock%'",
      );
    await vi.waitFor(async () => expect((await waiting())[0]).not.toEqual([]), 30_000);
    const late = createConnection(replica.url);
    const lateCities = late.then(cities);
    await vi.waitFor(async () => expect((await waiting())[0]).toHaveLength(2), 30_000);
    expect(await cities(reader)).toBe('BEFORE');
    await reader.query('COMMIT');
    expect(await lateCities).toBe('AFTER');
    for (const connection of [reader, other, await late]) await connection.end();
  },
);
