import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { traces } from '../../crash/bed.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npidataCsv, stub, weeklyName, writeWeekly } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'npi_runs';
const weeks = ['20260907-20260913', '20260914-20260920'] as const;
let pipeline: Pipeline;
let other: Connection;

beforeAll(async () => {
  pipeline = await startPipeline(name);
  other = await createConnection(inject('mysqlUrl'));
});
beforeEach(async () => {
  await writeWeekly(
    pipeline.site,
    weeks[0],
    npidataCsv([individual(1, 'ONE', '09/08/2026'), stub(2, '09/09/2026')]),
  );
});
afterEach(async () => {
  await other.query('ROLLBACK');
  await pipeline.reset();
});
afterAll(async () => {
  await other.end();
  await pipeline.stop();
});

const details = async (handle: WorkflowHandle) => {
  const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails ?? '';
};
const running = (text: string) =>
  pipeline.query(
    `SELECT 1 FROM information_schema.processlist
     WHERE info LIKE '%${text}%' AND id <> CONNECTION_ID() AND info NOT LIKE '%processlist%'`,
  );
const lastRun = async () =>
  (await pipeline.query('SELECT outcome, failure_type FROM run ORDER BY started_at DESC LIMIT 1'))[0];

const statement = `INSERT INTO ${name}_app.npi_data_1`;

async function loadFirstWeek(): Promise<void> {
  await pipeline.run();
  await writeWeekly(
    pipeline.site,
    weeks[1],
    npidataCsv([individual(1, 'TWO', '09/15/2026'), individual(3, 'THREE', '09/15/2026')]),
  );
}

/** Starts a run of the second week and waits until its publish is blocked by locks of `other`. */
async function startBlockedRun(): Promise<WorkflowHandle> {
  await other.query('START TRANSACTION');
  await other.query(`SELECT npi FROM ${name}_app.npi_data_1 FOR UPDATE`);
  const handle = await pipeline.start();
  await vi.waitFor(async () => expect(await running(statement)).toHaveLength(1), 20_000);
  return handle;
}

describe('a run that is cancelled', () => {
  it('in the middle of a statement: the statement is killed, nothing changes, and the next run succeeds', async () => {
    await loadFirstWeek();
    const before = await traces(name, pipeline);
    const handle = await startBlockedRun();
    await handle.cancel();
    // The other session still holds its locks, so only a kill can end the statement.
    await vi.waitFor(async () => expect(await running(statement)).toEqual([]), 5000);
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect(await traces(name, pipeline)).toEqual(before);
    expect(await lastRun()).toEqual({ outcome: 'cancelled', failure_type: null });
    await other.query('ROLLBACK');
    expect((await pipeline.run()).releases[0]?.counts).toMatchObject({ inserted: 1, updated: 1 });
  });

  it('in the middle of a download: the downloaded part is kept, and the next run succeeds', async () => {
    let arrived: () => void = () => undefined;
    const half = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const zip = readFileSync(join(pipeline.site, weeklyName(weeks[0])));
    pipeline.page.intercept = (request, response) => {
      if (!request.url?.endsWith('.zip') || request.method !== 'GET') return false;
      response.writeHead(200, { 'content-length': zip.length }).write(zip.subarray(0, 100), arrived);
      return true;
    };
    const handle = await pipeline.start();
    await half;
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect(await lastRun()).toEqual({ outcome: 'cancelled', failure_type: null });
    pipeline.page.intercept = undefined;
    expect((await pipeline.run()).outcome).toBe('published');
  });
});

it('a terminated run writes no more, and its lease is taken over after it expires', exhaustive, async () => {
  await loadFirstWeek();
  const handle = await startBlockedRun();
  await handle.terminate();
  await vi.waitFor(async () => expect(await running(statement)).toEqual([]), 5000);
  await other.query('ROLLBACK');
  expect(await pipeline.query('SELECT 1 FROM npi_release')).toHaveLength(1);
  const next = await pipeline.start();
  await vi.waitFor(async () => expect(await details(next)).toContain(handle.workflowId), 10_000);
  // Pretend that an hour has passed for its lease and its staging tables.
  await pipeline.query('UPDATE npi_checkpoint SET moved_at = moved_at - INTERVAL 61 MINUTE');
  await pipeline.query('UPDATE lease SET expires_at = NOW(6)');
  expect(await next.result()).toMatchObject({ outcome: 'published' });
  expect(await traces(name, pipeline)).toMatchObject({ stagings: [] });
});

describe('two runs of the job', () => {
  const holder = '00000000-0000-0000-0000-000000000000';
  const hold = () =>
    pipeline.query(
      `INSERT INTO lease (job, epoch, workflow_id, run_id, expires_at)
       VALUES ('npi-update', 7, 'another', '${holder}', NOW(6) + INTERVAL 1 HOUR)
       ON DUPLICATE KEY UPDATE workflow_id = 'another', run_id = '${holder}', expires_at = NOW(6) + INTERVAL 1 HOUR`,
    );

  it('never load at the same time: the second waits, names the first, and continues after its end', async () => {
    await hold();
    const handle = await pipeline.start();
    await vi.waitFor(
      async () => expect(await details(handle)).toContain(`another (${holder}) holds the lease`),
      10_000,
    );
    expect(await pipeline.query('SELECT 1 FROM npi_release')).toEqual([]);
    await pipeline.query('UPDATE lease SET expires_at = NOW(6)');
    expect(await handle.result()).toMatchObject({ outcome: 'published' });
    expect(await details(handle)).toMatch(/\| inserted \| 2 \|/);
  });

  it('never load at the same time while the first publishes', exhaustive, async () => {
    await loadFirstWeek();
    const first = await startBlockedRun();
    const second = await pipeline.start();
    await vi.waitFor(async () => expect(await details(second)).toContain(first.workflowId), 10_000);
    await other.query('ROLLBACK');
    expect(await first.result()).toMatchObject({ outcome: 'published' });
    expect(await second.result()).toMatchObject({ outcome: 'nothing due' });
  });

  it('the waiting run can be cancelled', exhaustive, async () => {
    await hold();
    const handle = await pipeline.start();
    await vi.waitFor(async () => expect(await details(handle)).toContain('holds the lease'), 10_000);
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect(await lastRun()).toEqual({ outcome: 'cancelled', failure_type: null });
    expect(await pipeline.query('SELECT workflow_id FROM lease')).toEqual([{ workflow_id: 'another' }]);
  });

  it('a dry run takes no lease and runs at the same time', async () => {
    await hold();
    expect((await pipeline.run({ dryRun: true })).outcome).toBe('dry run');
    expect(await pipeline.query('SELECT workflow_id FROM lease')).toEqual([{ workflow_id: 'another' }]);
  });
});

it('removes the staging tables of a dead run in the next run', async () => {
  const own = `${name}_own`;
  await pipeline.query(`CREATE TABLE ${own}.npi_stage_deaddeaddead (npi BIGINT PRIMARY KEY)`);
  await pipeline.query(
    `INSERT INTO npi_checkpoint (stage, run_id, file_name, is_whole, staged, moved_at)
     VALUES ('npi_stage_deaddeaddead', '${'d'.repeat(36)}', 'x.zip', FALSE, 'null', NOW(6) - INTERVAL 2 HOUR)`,
  );
  await pipeline.run();
  expect(await pipeline.query(`SHOW TABLES FROM ${own} LIKE 'npi_stage%'`)).toEqual([]);
  expect(readdirSync(pipeline.archive)).toHaveLength(1);
});
