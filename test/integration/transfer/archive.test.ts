import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';
import {
  individual,
  npidataCsv,
  weeklyName,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';

// A worker on one host archives the first week. Then a worker with another archive takes over.
const name = 'npi_archive';
const weeks = ['20260907-20260913', '20260914-20260920', '20260921-20260927', '20260928-20261004'] as const;
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
  other = await startWorkerProcess({ ...pipeline.env, NPI_ARCHIVE_DIR: otherArchive, NPI_ARCHIVE_KEEP: '1' });
});
afterAll(async () => {
  other.child.kill('SIGTERM');
  await other.exit;
  await pipeline.stop();
});

const writeWeek = (folder: string, week: 0 | 1 | 2 | 3) =>
  writeWeekly(folder, weeks[week], npidataCsv([individual(week, 'SMITH', '09/08/2026')]));
const offer = (week: 0 | 1 | 2 | 3) => writeWeek(pipeline.site, week);
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

  const problems = async (env: NodeJS.ProcessEnv) =>
    (await surgicase(['status', '--check'], { ...pipeline.env, ...env })).out;
  const missing = `${otherArchive} does not exist: a run on this host fails with ArchiveMissing. Mount the archive`;
  expect(await problems({ NPI_ARCHIVE_DIR: otherArchive })).toContain(missing);
  // The worker's archive is not the folder of a command elsewhere, nor on a host without a worker.
  expect(await problems({ NPI_ARCHIVE_DIR: '.surgicase/elsewhere' })).not.toContain('ArchiveMissing. Mount');
  const away = { NPI_ARCHIVE_DIR: otherArchive, TEMPORAL_NAMESPACE: 'default' };
  expect(await problems(away)).not.toContain('ArchiveMissing. Mount');

  mkdirSync(otherArchive, { recursive: true });
  expect((await pipeline.run()).outcome).toBe('published');
  expect(await published()).toEqual([weeklyName(weeks[0]), weeklyName(weeks[1])]);
  expect(readdirSync(otherArchive)).toEqual([weeklyName(weeks[1])]);
});

it('an archive that somebody empties gets the next zip', async () => {
  for (const zip of readdirSync(otherArchive)) rmSync(join(otherArchive, zip));
  await offer(2);
  await pipeline.run();
  expect(readdirSync(otherArchive)).toEqual([weeklyName(weeks[2])]);
});

it('a dry run names the zips that the next run removes, and removes none', async () => {
  await writeWeek(otherArchive, 0);
  await writeWeek(otherArchive, 1);
  writeFileSync(join(otherArchive, 'notes.txt'), 'not a zip of CMS');
  const before = readdirSync(otherArchive);
  const dry = async () => (await pipeline.run({ dryRun: true })).remarks.join();
  const removed = (zips: readonly string[]) =>
    `NPI_ARCHIVE_KEEP=1: the next run that loads a release removes ${zips.length} zips from the archive (0.0 MB): ${zips.join(', ')}.`;
  expect(await dry()).toContain(removed([weeklyName(weeks[0]), weeklyName(weeks[1])]));
  await offer(3);
  // What is due counts too.
  expect(await dry()).toContain(removed(weeks.slice(0, 3).map(weeklyName)));
  expect(readdirSync(otherArchive)).toEqual(before);
  await pipeline.run();
  expect(readdirSync(otherArchive).toSorted()).toEqual([weeklyName(weeks[3]), 'notes.txt'].toSorted());
  expect(await dry()).not.toContain('NPI_ARCHIVE_KEEP');
});

it('a rebuild up to an earlier release loads zips that NPI_ARCHIVE_KEEP no longer keeps, and removes none', async () => {
  const rows = [individual(1, 'SMITH', '09/01/2026')];
  const monthly = await writeMonthly(otherArchive, 'September_2026', '20260913', rows);
  await writeWeek(otherArchive, 1);
  await writeWeek(otherArchive, 2);
  // With the newest monthly, the archive needs neither the older one nor the weeks before it.
  await writeMonthly(otherArchive, 'October_2026', '20261011', rows);
  const before = readdirSync(otherArchive).toSorted();
  const { outcome, releases } = await pipeline.run({
    rebuild: true,
    until: weeklyName(weeks[2]).replace('.zip', ''),
  });
  expect(outcome).toBe('published');
  expect(releases.map(({ release }) => `${release}.zip`)).toEqual([
    monthly,
    weeklyName(weeks[1]),
    weeklyName(weeks[2]),
  ]);
  expect(readdirSync(otherArchive).toSorted()).toEqual(before);
});
