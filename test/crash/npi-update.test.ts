import { watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NpiUpdateResult } from '../../contract/workflows.ts';
import { knownAfter, weekLines } from '../../local/sample/rows.ts';
import { writeReleaseZip } from '../../local/sample/release-zip.ts';
import { startPipeline, type Pipeline } from '../pipeline.ts';
import { weeklyName } from '../release-zip.ts';
import type { Verdict } from '../sql-proxy.ts';
import { createNamespace, startDoomedWorker, startWorkerProcess, traces } from './bed.ts';

// Three blocks of staging a week, so that a kill can fall between them.
const rows = 12_000;
const first = { period: { start: '2026-09-07', end: '2026-09-13' }, rows };
const second = { period: { start: '2026-09-14', end: '2026-09-20' }, rows, known: knownAfter(first) };

/** Two weeks on a page, a database, and a Temporal namespace of its own; no worker yet. */
async function openCase(name: string): Promise<Pipeline> {
  await createNamespace(name);
  const more = {
    TEMPORAL_NAMESPACE: name,
    ACTIVITY_HEARTBEAT_TIMEOUT: '1s',
    NPI_MAX_REFUSED: '1%',
  };
  const pipeline = await startPipeline(name, more, { hasWorker: false });
  for (const [range, week] of [
    ['20260907-20260913', first],
    ['20260914-20260920', second],
  ] as const) {
    await writeReleaseZip(join(pipeline.site, weeklyName(range)), { range, lines: weekLines(week) });
  }
  return pipeline;
}

/** The n-th statement that matches, counted from 1. */
function nth(pattern: RegExp, count: number, verdict: Verdict): (sql: string) => Verdict {
  let seen = 0;
  return (sql) => (pattern.test(sql) && (seen += 1) === count ? verdict : 'pass');
}

let undisturbed: unknown;
beforeAll(async () => {
  const pipeline = await openCase('crash_none');
  undisturbed = await finish('crash_none', pipeline, await pipeline.start());
  await pipeline.stop();
});

async function endsUnseen(handle: WorkflowHandle): Promise<never> {
  await handle.result();
  throw new Error('The run has ended, and the statement that was to stop its worker never came.');
}

/** A worker that nothing disturbs brings the run to its end; gives all that is left behind. */
async function finish(name: string, pipeline: Pipeline, handle: WorkflowHandle): Promise<unknown> {
  const worker = await startWorkerProcess(pipeline.env);
  try {
    const { outcome, releases } = (await handle.result()) as NpiUpdateResult;
    const counts = releases.map((release) => release.counts);
    const ledger = await pipeline.query('SELECT outcome, failure_type FROM run');
    const lease = await pipeline.query('SELECT run_id FROM lease');
    return { outcome, counts, ledger, lease, traces: await traces(name, pipeline) };
  } finally {
    worker.child.kill('SIGTERM');
    await worker.exit;
  }
}

it('loads two weeks when nothing disturbs it', () => {
  expect(undisturbed).toMatchObject({
    outcome: 'published',
    counts: [{ rows }, { rows }],
    ledger: [{ outcome: 'published', failure_type: null }],
    lease: [{ run_id: null }],
    traces: { stagings: [] },
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
    ['publish_classify', nth(/^UPDATE npi_stage_\w+_plan/, 3, 'before')],
    ['publish_providers', nth(/^INSERT INTO \w+\.npi_data_1/, 1, 'after')],
    ['publish_search', nth(/^INSERT INTO \w+\.search_surgeon_all|^REPLACE INTO \w+\.search_/, 1, 'after')],
    ['publish_ledger', nth(/INTO npi_release|into `npi_release`/i, 2, 'after')],
    ['finish', nth(/^UPDATE run|^update `run`/i, 1, 'after')],
  ];

  it.each(moments)('at %s leaves what an undisturbed run leaves', async (moment, judge) => {
    const name = `crash_${moment}`;
    const pipeline = await openCase(name);
    const doomed = await startDoomedWorker(pipeline.env, 'SIGKILL', judge);
    const handle = await pipeline.start();
    await Promise.race([doomed.exit, endsUnseen(handle)]);
    expect(await finish(name, pipeline, handle)).toEqual(undisturbed);
    await doomed.proxy.close();
    await pipeline.stop();
  });

  it('in the middle of a download goes on from there', async () => {
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

  it('while a zip is archived archives it', async () => {
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

// A frozen worker's polls still take tasks, and its transaction keeps the lease's row for a minute.
const frozenTimeoutMs = 300_000;

describe.concurrent('a worker that is frozen and comes back after its successor', () => {
  const moments: readonly [string, (sql: string) => Verdict][] = [
    ['before_a_block', nth(/^START TRANSACTION/, 4, 'before')],
    ['in_a_transaction', nth(/^LOAD DATA/, 2, 'after')],
    ['in_publish', nth(/^INSERT INTO \w+\.npi_data_1/, 1, 'before')],
  ];

  it.each(moments)(
    '%s writes nothing any more',
    async (moment, judge) => {
      const name = `zombie_${moment}`;
      const pipeline = await openCase(name);
      const zombie = await startDoomedWorker(pipeline.env, 'SIGSTOP', judge);
      const handle = await pipeline.start();
      await Promise.race([zombie.stopped, endsUnseen(handle)]);
      expect(await finish(name, pipeline, handle)).toEqual(undisturbed);
      const after = await traces(name, pipeline);
      // It wakes up, and is given the time that a worker has to end its activities.
      zombie.child.kill('SIGCONT');
      zombie.child.kill('SIGTERM');
      await zombie.exit;
      expect(await traces(name, pipeline)).toEqual(after);
      await zombie.proxy.close();
      await pipeline.stop();
    },
    frozenTimeoutMs,
  );
});
