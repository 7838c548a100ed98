import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { applySchedules, plannedSchedules } from '../../../client/schedules.ts';
import { readConfig } from '../../../config/config.ts';
import { createLog } from '../../../telemetry/log.ts';
import type { Notice } from '../../../telemetry/notify.ts';
import { createWatch, overdueAfterMs } from '../../../worker/watch.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

// No worker runs, so every run stays open. The clock of this process is moved, and then no poll would be recent.
vi.mock('../../../worker/pollers.ts', () => ({ pollersOf: async () => ['first', 'second'] }));

const name = 'watch';
const hourMs = 3_600_000;
let pipeline: Pipeline;
let notices: Notice[];
let look: () => Promise<void>;

function watcher(identity: string) {
  const { client, database } = pipeline;
  const schemas = { application: pipeline.app, search: `${name}_search`, scheduler: `${name}_own` };
  const log = createLog({ level: 'error', format: 'json' }, () => undefined);
  return createWatch({ client, database, schemas, log, identity, notify: (notice) => notices.push(notice) });
}

beforeAll(async () => {
  pipeline = await startPipeline(name, {}, { hasWorker: false });
  await applySchedules(pipeline.client, plannedSchedules(readConfig(pipeline.env)));
});
beforeEach(async () => {
  await pipeline.reset();
  notices = [];
  look = watcher('first');
  return () => vi.useRealTimers();
});
afterAll(() => pipeline.stop());

const isOpen = (runId: string, workflowId: string) =>
  pipeline.query(
    `INSERT INTO run (run_id, workflow_id, job, is_dry_run, started_at)
     VALUES ('${runId}', '${workflowId}', 'paid-update', FALSE, NOW(6))`,
  );
const hasRunFor = (seconds: number) =>
  pipeline.query(
    `INSERT INTO run (run_id, workflow_id, job, is_dry_run, started_at, finished_at, outcome)
     VALUES (UUID(), 'paid-update', 'paid-update', FALSE, NOW(6) - INTERVAL ${seconds} SECOND, NOW(6), 'moved')`,
  );
const ends = () => pipeline.query('SELECT outcome, failure_type AS type FROM run');

it('a firing that is skipped because a run is open is reported once', async () => {
  const schedule = pipeline.client.schedule.getHandle('paid-update');
  await schedule.trigger(ScheduleOverlapPolicy.SKIP);
  const running = async () => (await schedule.describe()).info.runningActions;
  await expect.poll(running, { timeout: 20_000 }).toHaveLength(1);
  await look();
  await schedule.trigger(ScheduleOverlapPolicy.SKIP);
  const skipped = async () => (await schedule.describe()).info.numActionsSkippedOverlap;
  await expect.poll(skipped, { timeout: 20_000 }).toBe(1);
  const other = watcher('second');
  await other();
  expect(notices).toEqual([]);
  await look();
  await look();
  expect(notices).toEqual([
    {
      event: 'overdue',
      job: 'paid-update',
      text: expect.stringMatching(
        /the schedule skipped a run, because the one before is still open.*after 6 days/,
      ),
    },
  ]);
  const [run] = await running();
  const { raw } = await pipeline.client.workflow.getHandle(run?.workflow.workflowId ?? '').describe();
  expect(Number(raw.executionConfig?.workflowExecutionTimeout?.seconds)).toBe(6 * 86_400);
  await pipeline.client.workflow.getHandle(run?.workflow.workflowId ?? '').terminate();
});

it('a run that is open longer than usual is reported once', async () => {
  await hasRunFor(1800);
  const handle = await pipeline.startCases('paid-update');
  const { runId } = await handle.describe();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1.4 * hourMs });
  await look();
  expect(notices).toEqual([]);
  vi.setSystemTime(Date.now() + 0.2 * hourMs);
  await look();
  await look();
  expect(notices).toEqual([
    { event: 'overdue', job: 'paid-update', runId, text: expect.stringContaining('longer than usual') },
  ]);
  await handle.terminate();
});

it('another program that loads the registry is reported once', async () => {
  await pipeline.query(
    `INSERT INTO npi_release (release_id, file_name, kind, layout, period_start, period_end, member, sha256, size_bytes, run_id, published_at, published)
     VALUES (1, 'week.zip', 'weekly', 'V2', '2026-09-07', '2026-09-13', 'week.csv', REPEAT('0', 64), 9, UUID(), NOW(6) - INTERVAL 1 HOUR, '{}')`,
  );
  await look();
  expect(notices).toEqual([]);
  const line = `INSERT INTO ${pipeline.app}.npi_update_log (filename_processed) VALUES ('npidata_pfile_20260914-20260920.csv')`;
  await pipeline.query(line);
  await look();
  await look();
  expect(notices).toEqual([
    { event: 'failure', job: 'npi-update', text: expect.stringContaining('_20260914-20260920.csv to') },
  ]);
});

it('takes three times the longest good run as usual, at least an hour, and 12 hours while there is none', () => {
  expect([undefined, 2, 7200].map(overdueAfterMs)).toEqual([12 * hourMs, hourMs, 6 * hourMs]);
});

it('a run that Temporal ended is closed in the ledger and reported as a failure', async () => {
  const handle = await pipeline.startCases('paid-update');
  const { runId, workflowId } = await handle.describe();
  await isOpen(runId, workflowId);
  await look();
  expect(await ends()).toEqual([{ outcome: null, type: null }]);
  await handle.terminate();
  await look();
  await look();
  expect(await ends()).toEqual([{ outcome: 'failed', type: 'Terminated' }]);
  expect(notices).toEqual([
    {
      event: 'failure',
      job: 'paid-update',
      runId,
      text: expect.stringContaining('paid-update failed: Terminated.'),
    },
  ]);
});

it('a run that timed out is closed too, and one whose history is gone counts as terminated', async () => {
  const handle = await pipeline.client.workflow.start('paidUpdate', {
    workflowId: 'timed out',
    taskQueue: 'surgicase',
    workflowExecutionTimeout: 1000,
  });
  const { runId, workflowId } = await handle.describe();
  await isOpen(runId, workflowId);
  await isOpen('00000000-0000-0000-0000-000000000000', 'of another server');
  await expect(handle.result()).rejects.toThrow('Workflow execution timed out');
  await look();
  expect(
    await pipeline.query(`SELECT outcome, failure_type AS type FROM run WHERE run_id = '${runId}'`),
  ).toEqual([{ outcome: 'failed', type: 'TimedOut' }]);
  expect(
    await pipeline.query(`SELECT failure_type AS type FROM run WHERE workflow_id = 'of another server'`),
  ).toEqual([{ type: 'Terminated' }]);
});
