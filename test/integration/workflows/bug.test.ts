import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

const bug = vi.hoisted(() => ({ isDeployed: true }));
// The deployed bug throws in the middle of every run, where a failure of an activity would end the run.
vi.mock('../../../worker/bundle.ts', async (original) => {
  const { workflowCode } = await original<{ workflowCode(): Promise<string> }>();
  return {
    workflowCode: async () => {
      const code = await workflowCode();
      // The first phase of each workflow, as the last argument of a call.
      const place = /(["'])(?:select|discover)\1\);/g;
      if (code.match(place)?.length !== 2) throw new Error('The bundle has no place for the bug.');
      const broken = code.replace(place, 'undefined.bug);');
      return bug.isDeployed ? broken : code;
    },
  };
});

const name = 'bug';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, {}, { hasWorker: false });
});
afterAll(() => pipeline.stop());

async function failedTasks(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(
    ({ workflowTaskFailedEventAttributes: failed }) => failed?.failure?.message ?? [],
  );
}

it('a bug in workflow code holds a run up, and the run ends well when the fix is deployed', async () => {
  await writeCases(pipeline, casesOf(15, 7));
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv([individual(1, 'SMITH', '09/08/2026')]));
  const broken = await pipeline.startWorker();
  const runs = [await pipeline.startCases('paid-update'), await pipeline.start()];
  for (const run of runs) {
    await expect
      .poll(() => failedTasks(run), { timeout: 30_000 })
      .toContainEqual(expect.stringContaining('bug'));
  }
  await broken.stop();
  expect(await pipeline.query('SELECT 1 FROM run WHERE finished_at IS NOT NULL')).toEqual([]);

  bug.isDeployed = false;
  const fixed = await pipeline.startWorker();
  const [moved, loaded] = await Promise.all(runs.map((run) => run.result()));
  await fixed.stop();
  expect(moved).toMatchObject({ outcome: 'moved', updated: 7 });
  expect(loaded).toMatchObject({ outcome: 'published' });
  expect(await countByStatus(pipeline)).toEqual({ 20: 7 });
  expect(await pipeline.query('SELECT outcome, failure_type AS type FROM run ORDER BY job')).toEqual([
    { outcome: 'published', type: null },
    { outcome: 'moved', type: null },
  ]);
});
