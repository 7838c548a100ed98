import { watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hash, sampleNpi } from '../../local/sample/provider.ts';
import { knownAfter, weekLines, type SampleWeek } from '../../local/sample/rows.ts';
import { writeReleaseZip } from '../../local/sample/release-zip.ts';
import { startPipeline, type Pipeline } from '../bed/pipeline.ts';
import { weeklyName, writeReport } from '../generated/release-zip.ts';
import { exhaustive, extent, sampleOf } from '../bed/extent.ts';
import type { Verdict } from '../bed/sql-proxy.ts';
import {
  killWorkerProcesses,
  startDoomedWorker,
  startWorkerProcess,
  traces,
  endsUnseen,
  finish,
  leftBehind,
} from './bed.ts';

// Each week is staged in three blocks, so that a kill can happen between them.
const rows = 12_000;
const first = { period: { start: '2026-09-07', end: '2026-09-13' }, rows };
const second = { period: { start: '2026-09-14', end: '2026-09-20' }, rows, known: knownAfter(first) };
const small = { ...first, rows: 1200 };

/** Some of these providers are in the small week, some are unknown. */
const deactivated = Array.from({ length: 300 }, (_, i) => ({ npi: sampleNpi(4 * i), date: '09/12/2026' }));

/** Starts a page and a database, but no worker. */
async function openCase(name: string, weeks: readonly SampleWeek[] = [first, second]): Promise<Pipeline> {
  const more = {
    ACTIVITY_HEARTBEAT_TIMEOUT: '1s',
    NPI_MAX_REFUSED: '1%',
  };
  const pipeline = await startPipeline(name, more, { hasWorker: false });
  for (const week of weeks) {
    const range = [week.period.start, week.period.end].map((day) => day.replaceAll('-', '')).join('-');
    await writeReleaseZip(join(pipeline.site, weeklyName(range)), { range, lines: weekLines(week) });
  }
  return pipeline;
}

/** Chooses the n-th matching statement, counted from 1. */
function nth(pattern: RegExp, count: number, verdict: Verdict): (sql: string) => Verdict {
  let seen = 0;
  return (sql) => (pattern.test(sql) && (seen += 1) === count ? verdict : 'pass');
}

/** Chooses the first statement that matches `pattern` after one that matched `earlier`. */
function following(earlier: RegExp, pattern: RegExp, verdict: Verdict): (sql: string) => Verdict {
  let isNear = false;
  return (sql) => {
    isNear ||= earlier.test(sql);
    return isNear && pattern.test(sql) ? verdict : 'pass';
  };
}

let undisturbed: unknown;
let undisturbedSmall: unknown;
let statementCount = 0;

beforeAll(async () => {
  [undisturbed, undisturbedSmall] = await Promise.all([runUndisturbed(), countStatements()]);
});

/** Starts a page with the small week and a deactivation report. */
async function openSmallCase(name: string): Promise<Pipeline> {
  const pipeline = await openCase(name, [small]);
  await writeReport(pipeline.site, '091426', deactivated);
  return pipeline;
}

async function runUndisturbed(): Promise<unknown> {
  const pipeline = await openCase('crash_none');
  const left = await finish('crash_none', pipeline, await pipeline.start());
  await pipeline.stop();
  return left;
}

async function countStatements(): Promise<unknown> {
  const pipeline = await openSmallCase('sweep_none');
  const counted = await startDoomedWorker(pipeline.env, 'SIGKILL', () => {
    statementCount += 1;
    return 'pass';
  });
  const left = await leftBehind('sweep_none', pipeline, await pipeline.start());
  counted.child.kill('SIGTERM');
  await counted.exit;
  await counted.proxy.close();
  await pipeline.stop();
  return left;
}

// Workers that a failed test left behind would run forever.
afterAll(killWorkerProcesses);

it('loads two weeks when nothing disturbs it', () => {
  expect(undisturbed).toMatchObject({
    outcome: 'published',
    counts: [{ rows }, { rows }],
    ledger: [{ outcome: 'published', failure_type: null }],
    lease: [{ run_id: null }],
    traces: { stagings: [] },
  });
});

// A frozen worker's polls still take tasks, and its transaction locks the lease's row for a minute. These
// tests come first, so that the others run meanwhile.
describe.concurrent('a worker that is frozen and wakes after its successor finished', exhaustive, () => {
  const moments: readonly [string, (sql: string) => Verdict][] = [
    ['in_a_transaction', nth(/^LOAD DATA/, 2, 'after')],
    ['in_publish', nth(/^INSERT INTO \w+\.npi_data_1/, 1, 'before')],
    ['before_a_block', nth(/^START TRANSACTION/, 4, 'before')],
  ];

  it.each(moments)('%s writes nothing after it wakes', async (moment, judge) => {
    const name = `zombie_${moment}`;
    const pipeline = await openCase(name);
    const zombie = await startDoomedWorker(pipeline.env, 'SIGSTOP', judge);
    const handle = await pipeline.start();
    await Promise.race([zombie.stopped, endsUnseen(handle)]);
    expect(await finish(name, pipeline, handle)).toEqual(undisturbed);
    const after = await traces(name, pipeline);
    // Wake it, and wait until it has ended its activities.
    zombie.child.kill('SIGCONT');
    zombie.child.kill('SIGTERM');
    await zombie.exit;
    expect(await traces(name, pipeline)).toEqual(after);
    await zombie.proxy.close();
    await pipeline.stop();
  });
});

describe.concurrent('a worker that is killed', () => {
  const moments: readonly [string, (sql: string) => Verdict][] = [
    ['begin_opened', nth(/^INSERT IGNORE INTO run|^insert ignore into `run`/i, 1, 'after')],
    ['begin_leased', nth(/^UPDATE lease|^update `lease`/i, 1, 'before')],
    ['discover', nth(/FROM npi_release|from `npi_release`/i, 1, 'after')],
    ['stage_first_block', nth(/^LOAD DATA/, 1, 'after')],
    ['stage_between_blocks', nth(/^UPDATE npi_checkpoint|^update `npi_checkpoint`/i, 2, 'after')],
    ['stage_committed', nth(/^COMMIT/, 5, 'after')],
    ['publish_classify', nth(/^INSERT INTO npi_stage_\w+_plan/, 3, 'before')],
    ['publish_providers', nth(/^INSERT INTO \w+\.npi_data_1/, 1, 'after')],
    ['publish_search', nth(/^INSERT INTO \w+\.search_surgeon_all|^REPLACE INTO \w+\.search_/, 1, 'after')],
    ['publish_ledger', nth(/INTO npi_release|into `npi_release`/i, 2, 'after')],
    ['publish_committed', following(/npi_update_log/, /^COMMIT/, 'after')],
    ['finish', nth(/^UPDATE run|^update `run`/i, 1, 'after')],
  ];

  it.each(sampleOf(moments, 1))(
    'at %s leaves the same tables as an undisturbed run',
    async (moment, judge) => {
      const name = `crash_${moment}`;
      const pipeline = await openCase(name);
      const doomed = await startDoomedWorker(pipeline.env, 'SIGKILL', judge);
      const handle = await pipeline.start();
      await Promise.race([doomed.exit, endsUnseen(handle)]);
      expect(await finish(name, pipeline, handle)).toEqual(undisturbed);
      await doomed.proxy.close();
      await pipeline.stop();
    },
  );

  it('in the middle of a download resumes it', exhaustive, async () => {
    const pipeline = await openCase('crash_download');
    const worker = await startWorkerProcess(pipeline.env);
    pipeline.page.intercept = (request, response) => {
      if (!request.url?.endsWith('.zip') || request.method !== 'GET') return false;
      pipeline.page.intercept = undefined;
      response.writeHead(200, { 'content-length': 1_000_000, etag: '"1"' });
      response.write(Buffer.alloc(100_000), () => worker.child.kill('SIGKILL'));
      return true;
    };
    const handle = await pipeline.start();
    await worker.exit;
    expect(await finish('crash_download', pipeline, handle)).toEqual(undisturbed);
    await pipeline.stop();
  });

  it('while it archives a zip archives it in the next attempt', exhaustive, async () => {
    const pipeline = await openCase('crash_archive');
    const worker = await startWorkerProcess(pipeline.env);
    await mkdir(pipeline.archive, { recursive: true });
    const watcher = watch(pipeline.archive, () => worker.child.kill('SIGKILL'));
    const handle = await pipeline.start();
    await worker.exit;
    watcher.close();
    expect(await finish('crash_archive', pipeline, handle)).toEqual(undisturbed);
    await pipeline.stop();
  });
});

describe.concurrent('a worker that is killed at any statement of a week and a report', () => {
  // Trying every statement would take half an hour. So each part of the run gets one kill, always at the same
  // statement.
  const parts = extent(1, 16);

  it.each(Array.from({ length: parts }, (_, part) => part))(
    'in part %i of a run leaves the same tables as an undisturbed run',
    async (part) => {
      const name = `sweep_${part}`;
      const place = (part + hash(part, statementCount) / 2 ** 32) / parts;
      // The number of opened connections, and so of statements, differs slightly between runs.
      const chosen = 1 + Math.floor(place * (statementCount - 5));
      let last = '';
      const kill = nth(/./, chosen, part % 2 === 0 ? 'before' : 'after');
      const pipeline = await openSmallCase(name);
      const doomed = await startDoomedWorker(pipeline.env, 'SIGKILL', (sql) => {
        last = sql;
        return kill(sql);
      });
      const handle = await pipeline.start();
      await Promise.race([doomed.exit, endsUnseen(handle)]);
      const found = await finish(name, pipeline, handle);
      expect(found, `killed at statement ${chosen} of ${statementCount}: ${last}`).toEqual(undisturbedSmall);
      await doomed.proxy.close();
      await pipeline.stop();
    },
  );
});
