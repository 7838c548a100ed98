import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPipeline, type Pipeline } from '../bed/pipeline.ts';
import { npidataCsv, writeMonthly, writeWeekly } from '../generated/release-zip.ts';
import { exhaustive, sampleOf } from '../bed/extent.ts';
import type { Verdict } from '../bed/sql-proxy.ts';
import { killWorkerProcesses, startDoomedWorker, traces, endsUnseen, finish, leftBehind } from './bed.ts';
import { earlierWeek, laterWeek, monthlyRows, padded, rangeCount } from './baseline-rows.ts';

type Judge = (sql: string) => Verdict;

const folder = mkdtempSync(join(tmpdir(), 'surgicase-monthly-'));
let monthly = '';
let undisturbed: unknown;

beforeAll(async () => {
  monthly = await writeMonthly(folder, 'September_2026', '20260913', monthlyRows, padded);
});
// Workers that a failed test left behind would run forever.
afterAll(() => {
  killWorkerProcesses();
  rmSync(folder, { recursive: true });
});

/** Starts a page with the weeks around the monthlyand a database, but no worker. */
async function openCase(name: string): Promise<Pipeline> {
  const more = { ACTIVITY_HEARTBEAT_TIMEOUT: '3s', NPI_MAX_REFUSED: '50%' };
  const pipeline = await startPipeline(name, more, { hasWorker: false });
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv(earlierWeek));
  await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv(laterWeek));
  return pipeline;
}

/**
 * Starts a worker that publishes the two weeks undisturbed, and then the run that loads the monthly, where `judge`
 * applies.
 */
async function startMonthly(pipeline: Pipeline, how: Parameters<typeof startDoomedWorker>[1], judge: Judge) {
  let isArmed = false;
  const worker = await startDoomedWorker(pipeline.env, how, (sql) => (isArmed ? judge(sql) : 'pass'));
  await pipeline.run();
  copyFileSync(join(folder, monthly), join(pipeline.site, monthly));
  isArmed = true;
  return { worker, handle: await pipeline.start() };
}

/** Chooses the n-th matching statement, counted from 1. */
function nth(pattern: RegExp, count: number, verdict: Verdict): Judge {
  let seen = 0;
  return (sql) => (pattern.test(sql) && (seen += 1) === count ? verdict : 'pass');
}

/** Chooses the first statement that matches `pattern` after the n-th that matched `earlier`. */
function following(earlier: RegExp, count: number, pattern: RegExp, verdict: Verdict): Judge {
  let seen = 0;
  return (sql) => {
    if (earlier.test(sql)) seen += 1;
    return seen >= count && pattern.test(sql) ? verdict : 'pass';
  };
}

const loadedRanges = async ({ query }: Pipeline) =>
  (await query<{ number: number }>('SELECT range_no AS number FROM npi_shadow_range')).map(
    ({ number }) => number,
  );

it('replaces the tables of the weeks when nothing disturbs it', async () => {
  const name = 'baseline_none';
  const pipeline = await openCase(name);
  const ranges = new Set<number>();
  const { worker, handle } = await startMonthly(pipeline, 'SIGKILL', (sql) => {
    const range = rangeOf(sql);
    if (range !== undefined) ranges.add(range);
    return 'pass';
  });
  undisturbed = await leftBehind(name, pipeline, handle);
  worker.child.kill('SIGTERM');
  await worker.exit;
  await worker.proxy.close();
  await pipeline.stop();
  const published = { outcome: 'published', failure_type: null };
  expect(undisturbed).toMatchObject({
    outcome: 'published',
    counts: [{ rows: monthlyRows.length }],
    ledger: [published, published],
    lease: [{ run_id: null }],
    log: [{ times: 1 }, { times: 1 }, { times: 1 }],
    traces: { stagings: [] },
  });
  const [counts] = (undisturbed as { counts: Record<string, number>[] }).counts;
  const { refused, duplicates, ...fates } = counts ?? {};
  expect(Object.values({ ...fates, refused, duplicates }).every((count) => Number(count) > 0)).toBe(true);
  // And the providers that the later week brought.
  expect(ranges.size).toBe(rangeCount + 1);
});

/** The number of the range whose checkpoint a statement writes. */
function rangeOf(sql: string): number | undefined {
  const [, number] = /^insert into `npi_shadow_range` .* values \('[^']*', (\d+),/i.exec(sql) ?? [];
  return number === undefined ? undefined : Number(number);
}

/** Wakes a frozen worker, releases its held statement, and waits until it has ended its activities. */
async function wakeAndEnd(zombie: Awaited<ReturnType<typeof startDoomedWorker>>): Promise<void> {
  zombie.proxy.release();
  zombie.child.kill('SIGCONT');
  zombie.child.kill('SIGTERM');
  await zombie.exit;
}

/** The tables that the application reads. */
const liveOf = (left: unknown) =>
  (left as { tables: { place: string }[] }).tables.filter(({ place }) => !place.startsWith('_own'));

const range = /^insert into `npi_shadow_range`/i;
const swap = /^RENAME TABLE \w+_app\.npi_data_0 TO/;
const takeover = /^RENAME TABLE \w+\.npi_shadow_/;
// A frozen worker's polls still take tasks, and each kill costs a worker start and a pause before the next attempt.
describe.concurrent('a worker that loads a monthly', () => {
  // Each list is one run. Its first worker is killed at the first moment, its second worker at the second, and so on.
  const runs: readonly [string, readonly (readonly [string, () => Judge])[]][] = [
    [
      'in the first half',
      [
        ['splitting', () => nth(/^INSERT IGNORE INTO \w+\.npi_shadow_\w+_refused/, 1, 'after')],
        ['10 %, before the commit', () => nth(range, 1, 'before')],
        ['50 %, after the commit', () => following(range, 3, /^COMMIT/, 'after')],
      ],
    ],
    [
      'in the second half',
      [
        ['90 %', () => nth(/^LOAD DATA LOCAL .*_npi_data_1 /, 5, 'after')],
        ['letters', () => nth(/^LOAD DATA LOCAL .*_search_surgeon_m /, 1, 'after')],
        ['keys', () => nth(/^ALTER TABLE \w+\.npi_shadow_\w+_npi_data_1 ADD/, 1, 'before')],
      ],
    ],
    [
      'before it goes live',
      [
        ['search rows', () => nth(/^INSERT INTO \w+\.npi_shadow_\w+_search \(kind/, 2, 'after')],
        ['takeover', () => nth(takeover, 1, 'after')],
        ['check', () => nth(/^select `published` .*`kind` = 'monthly'/i, 1, 'before')],
        ['before the swap', () => nth(swap, 1, 'before')],
      ],
    ],
    [
      'when it goes live',
      [
        ['after the swap', () => nth(swap, 1, 'after')],
        ['before the ledger', () => nth(/^insert into `npi_release`/i, 1, 'before')],
        ['dropping', () => nth(/^DROP TABLE IF EXISTS \w+\.npi_old_\w+_surgeon_m$/, 1, 'before')],
      ],
    ],
  ];

  it.each(sampleOf(runs, 1))(
    'killed repeatedly %s, leaves the same tables as an undisturbed run and loads no range twice',
    async (what, moments) => {
      const name = `baseline_${what.replaceAll(' ', '_')}`;
      const pipeline = await openCase(name);
      const loaded = new Set<number>();
      const repeated: number[] = [];
      let handle: WorkflowHandle | undefined;
      for (const [, judgeOf] of moments) {
        const judge = judgeOf();
        const watched: Judge = (sql) => {
          const number = rangeOf(sql);
          if (number !== undefined && loaded.has(number)) repeated.push(number);
          return judge(sql);
        };
        const started = handle
          ? { handle, worker: await startDoomedWorker(pipeline.env, 'SIGKILL', watched) }
          : await startMonthly(pipeline, 'SIGKILL', watched);
        handle = started.handle;
        await Promise.race([started.worker.exit, endsUnseen(handle)]);
        await started.worker.proxy.close();
        for (const number of await loadedRanges(pipeline)) loaded.add(number);
      }
      if (handle) expect(await finish(name, pipeline, handle)).toEqual(undisturbed);
      expect(repeated).toEqual([]);
      await pipeline.stop();
    },
  );

  it(
    'frozen before its swap, changes nothing when it wakes before or after its successor goes live',
    exhaustive,
    async () => {
      const name = 'baseline_zombie';
      const pipeline = await openCase(name);
      const { worker: zombie, handle } = await startMonthly(pipeline, 'SIGSTOP', nth(swap, 1, 'held'));
      await Promise.race([zombie.stopped, endsUnseen(handle)]);
      const before = await traces(name, pipeline);
      const successor = await startDoomedWorker(pipeline.env, 'SIGSTOP', nth(swap, 1, 'held'));
      await Promise.race([successor.stopped, endsUnseen(handle)]);
      await wakeAndEnd(zombie);
      expect(liveOf(await traces(name, pipeline))).toEqual(liveOf(before));
      successor.proxy.release();
      successor.child.kill('SIGCONT');
      expect(await leftBehind(name, pipeline, handle)).toEqual(undisturbed);
      successor.child.kill('SIGTERM');
      await successor.exit;
      for (const { proxy } of [zombie, successor]) await proxy.close();
      await pipeline.stop();
    },
  );

  it(
    'killed between swap and ledger, then terminated: the next run completes the ledger and loads nothing',
    exhaustive,
    async () => {
      const name = 'baseline_terminated';
      const pipeline = await openCase(name);
      const ledger = nth(/^insert into `npi_release`/i, 1, 'before');
      const { worker, handle } = await startMonthly(pipeline, 'SIGKILL', ledger);
      await Promise.race([worker.exit, endsUnseen(handle)]);
      await handle.terminate();
      await pipeline.query('UPDATE lease SET expires_at = NOW(6)');
      const next = await finish(name, pipeline, await pipeline.start());
      const { traces: left } = undisturbed as { traces: unknown };
      expect(next).toMatchObject({ outcome: 'nothing due', counts: [], traces: left });
      await worker.proxy.close();
      await pipeline.stop();
    },
  );

  it('finishes when all its connections are lost in the middle', exhaustive, async () => {
    const name = 'baseline_lost';
    const pipeline = await openCase(name);
    const { worker, handle } = await startMonthly(pipeline, 'lost connections', nth(range, 3, 'before'));
    await Promise.race([worker.stopped, endsUnseen(handle)]);
    expect(await leftBehind(name, pipeline, handle)).toEqual(undisturbed);
    worker.child.kill('SIGTERM');
    await worker.exit;
    await worker.proxy.close();
    await pipeline.stop();
  });
});
