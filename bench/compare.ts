import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { loadLines } from '../db/registry/bulk-load.ts';
import { npiColumns } from '../db/schema/npi-columns.ts';
import type { Session } from '../db/connection/session.ts';
import { applicationTables } from '../db/schema/tables.ts';
import { sampleHeader } from '../local/sample/provider.ts';
import { knownLines } from '../local/sample/rows.ts';
import { npidataHeader } from '../nppes/rows/header.ts';
import { tsvLine } from '../nppes/rows/tsv.ts';
import { forever, type Bed } from './bed.ts';

// The rates hardly depend on the number of rows, and more rows would make the slow ways take very long.
const rows = 50_000;
const rowsPerUpsert = 500;
const schema = 'bench_compare';
const table = `${schema}.npi_data_1`;
const names = npiColumns.map(({ name }) => name);

/** Rows per second of loading without this project: providers into one table with all its keys, no search tables. */
export async function otherWays(bed: Bed): Promise<ReadonlyArray<{ name: string; rowsPerSecond: number }>> {
  const csv = join(bed.folder, 'compare.csv');
  const known = { full: rows, stubs: 0, firstNew: rows, updated: { start: '2006-01-01', end: '2026-09-13' } };
  await pipeline(Readable.from(withHeader(knownLines(known))), createWriteStream(csv));
  const ways: ReadonlyArray<readonly [string, (session: Session) => Promise<void>]> = [
    ['csv-parse, batched upserts', (session) => upserts(session, csv)],
    ['csv-parse, LOAD DATA LOCAL', (session) => parsedLoad(session, csv)],
    ['LOAD DATA of the raw CSV by the server', (session) => rawLoad(session, csv)],
  ];
  const measured = [];
  for (const [name, way] of ways) measured.push({ name, rowsPerSecond: rows / (await secondsOf(bed, way)) });
  await rm(csv);
  return measured;
}

function* withHeader(lines: Iterable<string>): Generator<string> {
  yield sampleHeader;
  yield* lines;
}

async function secondsOf({ database }: Bed, way: (session: Session) => Promise<void>): Promise<number> {
  return database.session(forever, async (session) => {
    await session.query(`DROP DATABASE IF EXISTS ${schema}`);
    await session.query(`CREATE DATABASE ${schema}`);
    const schemas = { application: schema, search: schema, scheduler: schema };
    for (const { name, ddl } of applicationTables(schemas, 'utf8mb4_0900_ai_ci'))
      if (name === 'npi_data_1') await session.query(forgiving(ddl));
    const startedAt = performance.now();
    await way(session);
    const seconds = (performance.now() - startedAt) / 1000;
    await session.query(`DROP DATABASE ${schema}`);
    return seconds;
  });
}

// Some license states hold the word NULL, which needs four characters when the file is loaded as it is.
const forgiving = (ddl: string) =>
  ddl.replace(/(license_number_state_code_\d+) VARCHAR\(2\)/g, '$1 VARCHAR(4)');

async function upserts(session: Session, csv: string): Promise<void> {
  const updates = names.map((name) => `${name} = VALUES(${name})`).join(', ');
  const insert = `INSERT INTO ${table} (${names.join(', ')}) VALUES ? ON DUPLICATE KEY UPDATE ${updates}`;
  let batch: string[][] = [];
  for await (const record of parsed(csv)) {
    batch.push(npiColumns.map(({ header }) => record[header] ?? ''));
    if (batch.length < rowsPerUpsert) continue;
    await session.query(insert, [batch]);
    batch = [];
  }
  if (batch.length > 0) await session.query(insert, [batch]);
}

async function parsedLoad(session: Session, csv: string): Promise<void> {
  const lines = async function* () {
    for await (const record of parsed(csv))
      yield Buffer.from(tsvLine(npiColumns.map(({ header }) => record[header] ?? '')));
  };
  await session.transaction(() => loadLines(session, { table, columns: names }, lines(), true));
}

const parsed = (csv: string) =>
  createReadStream(csv).pipe(parse({ columns: true })) as AsyncIterable<Record<string, string>>;

async function rawLoad(session: Session, csv: string): Promise<void> {
  const byHeader = new Map(npiColumns.map(({ header, name }) => [header, name]));
  const fields = npidataHeader.map((header) => byHeader.get(header) ?? '@none');
  await session.run(
    `LOAD DATA INFILE '${csv}' REPLACE INTO TABLE ${table} CHARACTER SET utf8mb4
     FIELDS TERMINATED BY ',' ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\\n' IGNORE 1 LINES (${fields.join(', ')})`,
  );
}
