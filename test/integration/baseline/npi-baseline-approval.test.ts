import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { NpiProgress, NpiUpdateResult } from '../../../contract/workflows.ts';
import { traces } from '../../crash/bed.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npidataCsv, writeMonthly, writeWeekly } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'npi_approval';
const september = Array.from({ length: 20 }, (_, i) => individual(i, 'SEPTEMBER', '09/10/2026'));
/** A tenth of the providers is missing, and NPI_MIN_ROWS requires 97 %. */
const october = september.slice(2).map((row) => ({ ...row, 'Provider First Name': 'OCTOBER' }));

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
beforeEach(async () => {
  await pipeline.reset();
  await writeMonthly(pipeline.site, 'September_2026', '20260913', september);
  await pipeline.run();
  await writeMonthly(pipeline.site, 'October_2026', '20261011', october);
});
afterAll(() => pipeline.stop());

/** Starts a run of the smaller monthly and waits until it asks for approval. */
async function startWaiting(): Promise<WorkflowHandle> {
  const handle = await pipeline.start({ replace: true });
  const phase = async () => (await handle.query<NpiProgress>('progress')).phase;
  await vi.waitFor(async () => expect(await phase()).toBe('approval'), 60_000);
  return handle;
}

const published = async () => (await pipeline.query('SELECT 1 FROM npi_release')).length;
const leftovers = async () => ((await traces(name, pipeline)) as { stagings: unknown }).stagings;
const firstNames = async () =>
  (
    await pipeline.query<{ name: string }>(
      `SELECT DISTINCT provider_first_name AS name FROM ${pipeline.app}.npi_data_1`,
    )
  ).map((row) => row.name);

it('a monthly that is smaller than the last one waits, and goes live after approval', async () => {
  const handle = await startWaiting();
  expect(await published()).toBe(1);
  await handle.executeUpdate('approve');
  const { outcome, remarks } = (await handle.result()) as NpiUpdateResult;
  expect(outcome).toBe('published');
  expect(remarks.join()).toContain('18 individuals, 90.0 % of the 20 in the last monthly');
  expect(await firstNames()).toEqual(['OCTOBER']);
  expect(await published()).toBe(2);
  expect(await leftovers()).toEqual([]);
});

it('a rejected monthly leaves the tables unchanged and nothing else behind', exhaustive, async () => {
  const before = await traces(name, pipeline);
  const handle = await startWaiting();
  await handle.executeUpdate('reject');
  expect(((await handle.result()) as NpiUpdateResult).outcome).toBe('rejected');
  expect(await traces(name, pipeline)).toEqual(before);
  const ledger = await pipeline.query('SELECT outcome FROM run ORDER BY started_at DESC LIMIT 1');
  expect(ledger).toEqual([{ outcome: 'rejected' }]);
});

it('a waiting monthly cannot go live after another run has started', exhaustive, async () => {
  const handle = await startWaiting();
  // Pretend that it waited for more than a minute.
  await pipeline.query('UPDATE lease SET expires_at = NOW(6)');
  await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv([individual(50, 'WEEKLY', '09/15/2026')]));
  expect((await pipeline.run()).releases).toHaveLength(1);
  expect(await leftovers()).toEqual([]);
  const before = await traces(name, pipeline);
  await handle.executeUpdate('approve');
  await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'ShadowLost' } });
  expect(await traces(name, pipeline)).toEqual(before);
});
