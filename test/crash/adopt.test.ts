import { setTimeout as pause } from 'node:timers/promises';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createBed, startAdoption, type AdoptionBed } from '../bed/adoption-bed.ts';
import { adoptedModel, adoptedTables, digests, type Adopted } from '../models/adoption-model.ts';
import { productionRows, seeded } from '../generated/production-rows.ts';
import { extent, exhaustive, seedFrom } from '../bed/extent.ts';
import type { Verdict } from '../bed/sql-proxy.ts';

const providers = extent(4000, 200_000);
const kills = extent(2, 10);
/** An attempt reads with the first 40 statements, creates tables with the next 140, and copies a range with 70. */
const mostStatements = 350;

let bed: AdoptionBed;
afterEach(() => bed.drop());

/** The application's queries. Each counts the rows of one provider, one name, or both tables together. */
function questions({ tables }: Adopted): string[] {
  const listed = (tables['search_surgeon_s'] ?? []).map((line) => line.split('|')[0] ?? '');
  const some = Array.from({ length: 60 }, (_, at) => listed[Math.floor((at * listed.length) / 60)] ?? '');
  const [app, search] = [bed.schemas.application, bed.schemas.search];
  return [
    ...some.flatMap((npi) => [
      `SELECT COUNT(*) AS n FROM ${search}.search_surgeon_all WHERE npi = ${npi}`,
      `SELECT COUNT(*) AS n FROM ${app}.npi_data_1 WHERE npi = ${npi}`,
      `SELECT COUNT(*) AS n FROM ${search}.search_surgeon_all s JOIN ${app}.npi_data_1 k ON k.npi = s.npi
       JOIN ${search}.search_surgeon_s l ON l.npi = s.npi WHERE s.npi = ${npi}`,
    ]),
    `SELECT COUNT(*) AS n FROM ${search}.search_surgeon_s WHERE first_name LIKE '%ANN%' AND last_name LIKE '%MIT%'`,
    `SELECT COUNT(*) AS n FROM ${search}.search_facility_m WHERE facility_name LIKE '%mercy%'`,
  ];
}

interface Reading {
  readonly counts: readonly (readonly number[])[];
  readonly errors: readonly unknown[];
}

/** Runs one query after another until the signal. Gives the counts of each query in the order they appeared. */
async function readUntil(signal: AbortSignal, asked: readonly string[]): Promise<Reading> {
  const counts: number[][] = asked.map(() => []);
  const errors: unknown[] = [];
  const connection = await createConnection(inject('mysqlUrl'));
  for (let turn = 0; !signal.aborted; turn = (turn + 1) % asked.length) {
    try {
      const [rows] = await connection.query<RowDataPacket[]>(asked[turn] ?? '');
      const count = Number(rows[0]?.['n']);
      if (counts[turn]?.at(-1) !== count) counts[turn]?.push(count);
    } catch (error) {
      errors.push(error);
    }
    await pause(5);
  }
  await connection.end();
  return { counts, errors };
}

const ask = async (asked: readonly string[]): Promise<number[]> => {
  const answers = [];
  for (const sql of asked) answers.push((await bed.query<{ n: number }>(sql))[0]?.n ?? 0);
  return answers;
};

it(`adopts ${providers} providers as the model says after ${kills} kills at random statements, and readers see only the state before or after`, async () => {
  const seed = seedFrom('ADOPT_SEED');
  console.log(`seed of the kills: ${seed} (ADOPT_SEED repeats them)`);
  const random = seeded(seed);
  const rows = productionRows(providers, 7);
  const model = adoptedModel(rows);
  bed = await createBed('adopt_killed', rows);
  const asked = questions(model);
  const before = await ask(asked);
  const done = new AbortController();
  const readers = [1, 2].map(() => readUntil(done.signal, asked));
  for (let kill = 0; kill < kills; kill++) {
    const at = 1 + random(mostStatements);
    const how: Verdict = random(2) === 0 ? 'before' : 'after';
    let count = 0;
    // Every attempt is killed, at the latest as it locks the tables: a swap on its way would take place without its sender.
    const attempt = await startAdoption(bed.env, (sql) => {
      if (sql.startsWith('LOCK TABLES')) return 'before';
      return (count += 1) === at ? how : 'pass';
    });
    expect(await attempt.ended, `attempt ${kill}, statement ${at}`).toMatchObject({ code: null });
  }
  const last = await bed.adopt();
  done.abort();
  expect(last).toMatchObject({ code: 0, value: { outcome: 'adopted', counts: { read: rows.length } } });
  const found = await bed.session((session) => adoptedTables(session, bed.schemas));
  expect(digests(found)).toEqual(digests(model));
  const after = await ask(asked);
  for (const { counts, errors } of await Promise.all(readers)) {
    expect(errors).toEqual([]);
    for (const [at, seen] of counts.entries()) {
      expect(seen).not.toContain(0);
      const expected = before[at] === after[at] ? [before[at]] : [before[at], after[at]];
      expect(expected, asked[at]).toEqual(expect.arrayContaining([...seen]));
      expect(seen.length, asked[at]).toBeLessThanOrEqual(expected.length);
    }
  }
}, 900_000);

describe('an adoption that is killed', exhaustive, () => {
  const rows = productionRows(500, 11);
  const expected = digests(adoptedModel(rows));

  const moments: readonly [name: string, pattern: RegExp, how: Verdict][] = [
    ['while it creates its tables', /^CREATE TABLE IF NOT EXISTS \S+npi_adopt_search_surgeon_k/, 'before'],
    ['after it created its tables', /^insert into `npi_adoption`/i, 'before'],
    ['in the middle of a range', /^INSERT INTO \S+npi_adopt_search_facility_b/, 'before'],
    ['after a range is committed', /^insert into `npi_adoption_range`/i, 'after'],
    ['while it compares', /^SELECT COUNT\(\*\) AS `rows`/, 'after'],
    ['while it holds all table locks', /^LOCK TABLES/, 'after'],
    ['before the swap', /^RENAME TABLE/, 'before'],
    ['after the swap', /^RENAME TABLE/, 'after'],
    ['while it cleans up', /^DROP TABLE IF EXISTS \S+npi_adopt_row/, 'before'],
  ];

  it.each(moments)('%s reaches the same result on the next attempt', async (_name, pattern, how) => {
    bed = await createBed('adopt_moment', rows);
    let isPast = false;
    const attempt = await startAdoption(bed.env, (sql) => {
      if (isPast || !pattern.test(sql)) return 'pass';
      isPast = true;
      return how;
    });
    expect(await attempt.ended).toMatchObject({ code: null });
    const { code } = await bed.adopt();
    expect(code).toBe(0);
    const found = await bed.session((session) => adoptedTables(session, bed.schemas));
    expect(digests(found)).toEqual(expected);
    expect((await bed.adopt('--finish')).code).toBe(0);
    expect(
      await bed.query(
        `SELECT table_name AS name FROM information_schema.tables
         WHERE table_schema = '${bed.schemas.scheduler}' AND table_name REGEXP '^npi_(adopt|original)_'`,
      ),
    ).toEqual([]);
  });
});
