import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';
import { individual, npidataCsv, weeklyName, writeWeekly } from '../../generated/release-zip.ts';

// A worker on one host archives the first week. Then a worker with another archive takes over.
const name = 'other_archive';
const weeks = ['20260907-20260913', '20260914-20260920'] as const;
let pipeline: Pipeline;
let other: WorkerProcess;
let otherArchive: string;

beforeAll(async () => {
  pipeline = await startPipeline(name, {}, { hasWorker: false });
  const first = await pipeline.startWorker();
  await offer(0);
  await pipeline.run();
  await first.stop();
  await surgicase(['schedules', 'apply'], pipeline.env);
  otherArchive = join(pipeline.archive, '../other/archive');
  other = await startWorkerProcess({ ...pipeline.env, NPI_ARCHIVE_DIR: otherArchive });
});
afterAll(async () => {
  other.child.kill('SIGTERM');
  await other.exit;
  await pipeline.stop();
});

const offer = (week: 0 | 1) =>
  writeWeekly(pipeline.site, weeks[week], npidataCsv([individual(week, 'SMITH', '09/08/2026')]));
const published = async () =>
  (await pipeline.query<{ file: string }>('SELECT file_name AS file FROM npi_release')).map(
    ({ file }) => file,
  );

it('a run without the archive of the earlier zips publishes nothing, until somebody begins a new one', async () => {
  expect((await pipeline.run()).outcome).toBe('nothing due');
  await offer(1);
  const what = `The archive ${otherArchive} does not exist on the host ${hostname()}`;
  const dry = await pipeline.run({ dryRun: true });
  expect(dry.remarks.join()).toContain(`A run that loads would fail with ArchiveMissing. ${what}`);

  const { code, out } = await surgicase(['run', 'npi-update'], pipeline.env);
  expect(code).toBe(1);
  expect(out).toContain(what);
  expect(out).toContain(`up to ${weeklyName(weeks[0])}, were archived before`);
  expect(out).toContain(`\`mkdir -p ${otherArchive}\``);
  expect(out).toContain('docs/troubleshooting.md#archivemissing');
  expect(await published()).toEqual([weeklyName(weeks[0])]);
  expect(existsSync(otherArchive)).toBe(false);

  mkdirSync(otherArchive, { recursive: true });
  expect((await pipeline.run()).outcome).toBe('published');
  expect(await published()).toEqual(weeks.map(weeklyName));
  expect(readdirSync(otherArchive)).toEqual([weeklyName(weeks[1])]);
});

it('an archive that somebody empties gets the next zip', async () => {
  for (const zip of readdirSync(otherArchive)) rmSync(join(otherArchive, zip));
  await writeWeekly(pipeline.site, '20260921-20260927', npidataCsv([individual(3, 'SMITH', '09/22/2026')]));
  await pipeline.run();
  expect(readdirSync(otherArchive)).toEqual([weeklyName('20260921-20260927')]);
});
