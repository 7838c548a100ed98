import { setTimeout as pause } from 'node:timers/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { searchLetters } from '../../../db/schema/tables.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npi, organization, writeMonthly, type RowSpec } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'npi_readers';
const providerCount = 3000;
const everyMs = 10;

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
beforeEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

/** The city of every provider. */
const september = (city: string) =>
  writeMonthly(
    pipeline.site,
    'September_2026',
    '20260913',
    Array.from({ length: providerCount }, (_, i): RowSpec => {
      const where = { 'Provider Business Practice Location Address City Name': city };
      if (i % 3 === 0) return organization(i, 'MERCY', '09/01/2026', where);
      return individual(i, i % 2 === 0 ? 'SMITH' : 'ÉCLAIR', '09/01/2026', where);
    }),
  );

const placeOf = (row: string) => `${row}.provider_business_practice_location_address_city_name`;
/**
 * The application's queries, one statement each. Each gives `rowCount` and `city`, which lists every city in the
 * answer.
 */
const questions = [
  (i: number) => `SELECT COUNT(*) AS rowCount, GROUP_CONCAT(DISTINCT s.city) AS city
    FROM ${name}_search.search_surgeon_all s WHERE s.npi = ${npi(3 * i + 1)}`,
  (i: number) => `SELECT COUNT(*) AS rowCount, GROUP_CONCAT(DISTINCT ${placeOf('k')}) AS city
    FROM ${name}_app.npi_data_1 k WHERE k.npi = ${npi(3 * i + 2)}`,
  () => `SELECT COUNT(*) AS rowCount, GROUP_CONCAT(DISTINCT s.city) AS city
    FROM ${name}_search.search_surgeon_s s WHERE s.last_name LIKE 'SMI%'`,
  () => `SELECT COUNT(*) AS rowCount, GROUP_CONCAT(DISTINCT s.city) AS city
    FROM ${name}_search.search_facility_m s WHERE s.facility_name LIKE '%ERC%'`,
  (i: number) => `SELECT COUNT(*) AS rowCount, CONCAT_WS(',', s.city, NULLIF(${placeOf('k')}, s.city)) AS city
    FROM ${name}_search.search_surgeon_e s JOIN ${name}_app.npi_data_1 k ON k.npi = s.npi
    WHERE s.npi = ${npi(6 * i + 1)} GROUP BY s.npi`,
];
const rowCounts = [1, 1, providerCount / 3, providerCount / 3, 1];

interface Seen {
  /** The cities in the answers to each query, in the order they appeared. */
  readonly cities: readonly Set<string>[];
  readonly rowCounts: readonly Set<number>[];
  readonly errors: unknown[];
}

/** Runs one query after the other at a fixed rate, until the signal. */
async function readUntil(signal: AbortSignal): Promise<Seen> {
  const seen: Seen = {
    cities: questions.map(() => new Set()),
    rowCounts: questions.map(() => new Set()),
    errors: [],
  };
  const connection = await createConnection(inject('mysqlUrl'));
  const ask = async (turn: number) => {
    const question = turn % questions.length;
    const [rows] = await connection.query<RowDataPacket[]>(questions[question]?.(turn % 400) ?? '');
    seen.cities[question]?.add(String(rows[0]?.['city']));
    seen.rowCounts[question]?.add(Number(rows[0]?.['rowCount'] ?? 0));
  };
  for (let turn = 0; !signal.aborted; turn++) {
    await ask(turn).catch((error: unknown) => seen.errors.push(error));
    await pause(everyMs);
  }
  // Run each query once more, so that the final state is seen.
  for (let turn = 0; turn < questions.length; turn++) await ask(turn);
  await connection.end();
  return seen;
}

it('searches during the swap of a monthly succeed, and see the tables before or after it', async () => {
  await september('BEFORE');
  await pipeline.run();
  await september('AND AFTER');
  const loaded = new AbortController();
  const readers = [1, 2].map(() => readUntil(loaded.signal));
  const { releases } = await pipeline.run();
  loaded.abort();
  expect(releases[0]?.counts).toMatchObject({ rows: providerCount, unchanged: providerCount });
  for (const { cities, rowCounts: found, errors } of await Promise.all(readers)) {
    expect(errors).toEqual([]);
    expect(found.map((counts) => [...counts])).toEqual(rowCounts.map((count) => [count]));
    for (const seen of cities) expect([...seen]).toEqual(['BEFORE', 'AND AFTER']);
  }
});

describe('a transaction that is open during the swap', () => {
  const city = (table: string) => `SELECT DISTINCT city FROM ${name}_search.search_${table}`;
  const cityOf = async (reader: Connection, table: string) => {
    const [rows] = await reader.query<RowDataPacket[]>(city(table));
    return rows.map((row) => String(row['city']));
  };

  /** `isolation` is the SQL name. The snapshot is taken when the transaction begins. */
  async function begin(isolation: 'REPEATABLE READ' | 'READ COMMITTED'): Promise<Connection> {
    const reader = await createConnection(inject('mysqlUrl'));
    await reader.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`);
    await reader.query('START TRANSACTION');
    await reader.query(`SELECT COUNT(*) FROM ${name}_app.npi_update_log`);
    return reader;
  }

  async function swapWaits(): Promise<void> {
    const waiting = () =>
      pipeline.query(
        `SELECT 1 FROM information_schema.processlist
         WHERE info LIKE 'RENAME TABLE ${name}_app.%' AND state LIKE 'Waiting for table metadata lock%'`,
      );
    await vi.waitFor(async () => expect(await waiting()).toHaveLength(1), 20_000);
  }

  beforeEach(async () => {
    await september('BEFORE');
    await pipeline.run();
    await september('AND AFTER');
  });

  it(
    'and reads a table for the first time afterwards, gets error 1412 at REPEATABLE READ, and the new rows in a new transaction',
    exhaustive,
    async () => {
      const reader = await begin('REPEATABLE READ');
      await pipeline.run();
      await expect(cityOf(reader, 'surgeon_s')).rejects.toMatchObject({ errno: 1412 });
      await reader.query('ROLLBACK');
      expect(await cityOf(reader, 'surgeon_s')).toEqual(['AND AFTER']);
      await reader.end();
    },
  );

  it(
    'and reads a table for the first time afterwards, sees the new rows at READ COMMITTED',
    exhaustive,
    async () => {
      const reader = await begin('READ COMMITTED');
      await pipeline.run();
      expect(await cityOf(reader, 'surgeon_s')).toEqual(['AND AFTER']);
      await reader.end();
    },
  );

  it(
    'and has read a table, keeps the swap waiting and sees the old rows until it ends',
    exhaustive,
    async () => {
      const reader = await begin('REPEATABLE READ');
      expect(await cityOf(reader, 'surgeon_e')).toEqual(['BEFORE']);
      const run = pipeline.run();
      await swapWaits();
      expect(await cityOf(reader, 'surgeon_e')).toEqual(['BEFORE']);
      await reader.query('COMMIT');
      expect((await run).outcome).toBe('published');
      expect(await cityOf(reader, 'surgeon_e')).toEqual(['AND AFTER']);
      await reader.end();
    },
  );

  it(
    'and reads another table while the swap waits for it, may get a deadlock, but never sees half a swap',
    exhaustive,
    async () => {
      const reader = await begin('REPEATABLE READ');
      expect(await cityOf(reader, 'surgeon_e')).toEqual(['BEFORE']);
      const run = pipeline.run();
      let error: unknown;
      // The swap locks facility tables before surgeon_e, so this read deadlocks. Where the swap has just given up, it
      // succeeds: try the next.
      for (const letter of searchLetters) {
        await swapWaits();
        error = await cityOf(reader, `facility_${letter}`).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (error !== undefined) break;
      }
      expect(error).toMatchObject({ errno: 1213 });
      expect((await run).outcome).toBe('published');
      expect(await cityOf(reader, 'facility_m')).toEqual(['AND AFTER']);
      await reader.end();
    },
  );
});
