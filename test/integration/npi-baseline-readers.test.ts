import { setTimeout as pause } from 'node:timers/promises';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startPipeline, type Pipeline } from '../pipeline.ts';
import { individual, npi, organization, writeMonthly, type RowSpec } from '../release-zip.ts';

const name = 'npi_readers';
const providerCount = 3000;
const everyMs = 10;

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
afterAll(() => pipeline.stop());

/** Every provider lives in this city. */
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
/** What the application asks, one statement each: `rowCount` and `city`, which names every city in the answer. */
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
  /** Cities of the answers to each question, in the order in which they were seen. */
  readonly cities: readonly Set<string>[];
  readonly rowCounts: readonly Set<number>[];
  readonly errors: unknown[];
}

/** Asks one question after the other, at a fixed rate, until the signal. */
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
  // Each once more, so that what came last is seen.
  for (let turn = 0; turn < questions.length; turn++) await ask(turn);
  await connection.end();
  return seen;
}

it('people who search while a monthly replaces the tables get an answer, from before or from after it', async () => {
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
