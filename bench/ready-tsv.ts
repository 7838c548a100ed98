import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { npiColumns } from '../db/schema/npi-columns.ts';
import { applicationTables } from '../db/schema/tables.ts';
import { npiRanges, rangeCountOf } from '../spool/npi-ranges.ts';
import { openRangeWriter, rangePath } from '../spool/range-files.ts';
import { readRange } from '../spool/range-rows.ts';
import { readRows } from '../nppes/rows/row-stream.ts';
import { npidataMember, openZip } from '../nppes/transfer/zip.ts';
import { forever, type Bed } from './bed.ts';
import type { Stage } from './table.ts';

const types = [0, 1, 2] as const;
const schema = 'bench_limit';

/** Writes the rows of a release as one TSV for each table, sorted by NPI, to measure the limit with. */
export async function writeReadyTsv(zip: string, folder: string): Promise<void> {
  const opened = await openZip(zip);
  const member = npidataMember(opened);
  const rangeCount = rangeCountOf(member.sizeBytes);
  const ranges = join(folder, 'ready.ranges');
  const writer = await openRangeWriter(ranges, rangeCount, 0);
  const input = { member: await member.open(), wanted: npiColumns, rowsPerBlock: 5000, afterRow: 0 };
  for await (const block of readRows(input)) await writer.add(block);
  const split = await writer.finish();
  await writer.close();
  opened.close();
  const files = types.map((type) => createWriteStream(tsvPath(folder, type)));
  for (const { number } of npiRanges(rangeCount)) {
    const rows = await readRange(rangePath(split.folder, number), split.rangeRows[number] ?? 0);
    for (const type of types) {
      for (const block of rows.lines(type)) if (!files[type]?.write(block)) await once(files[type]!, 'drain');
    }
  }
  await Promise.all(files.map((file) => new Promise((resolve) => file.end(resolve))));
  await rm(ranges, { recursive: true });
}

const tsvPath = (folder: string, type: number) => join(folder, `ready-${type}.tsv`);

/**
 * Measures the limit: the server loads the sorted TSVs with LOAD DATA, one after the other, into empty tables
 * with the same columns and only the primary key.
 */
export function loadReadyTsv({ database, serverStage }: Bed, folder: string): Promise<Required<Stage>> {
  return database.session(forever, async (session) => {
    await session.query(`DROP DATABASE IF EXISTS ${schema}`);
    await session.query(`CREATE DATABASE ${schema}`);
    const schemas = { application: schema, search: schema, scheduler: schema };
    const tables = applicationTables(schemas, 'utf8mb4_0900_ai_ci').slice(0, types.length);
    for (const { ddl } of tables) await session.query(ddl.replace(/,\n {2}KEY [^\n]*?(?=,?\n)/g, ''));
    const limit = await serverStage(async () => {
      for (const type of types) {
        await session.run(
          `LOAD DATA INFILE '${tsvPath(folder, type)}' REPLACE INTO TABLE ${schema}.npi_data_${type} CHARACTER SET utf8mb4
           FIELDS TERMINATED BY '\\t' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\\n'
           (${npiColumns.map(({ name }) => name).join(', ')})`,
        );
      }
    });
    await session.query(`DROP DATABASE ${schema}`);
    return limit;
  });
}
