import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { pendingActivity } from '../../../client/pending-activity.ts';
import type { CaseUpdateResult } from '../../../contract/workflows.ts';
import { writeReleaseZip } from '../../../local/sample/release-zip.ts';
import { weekLines } from '../../../local/sample/rows.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { startSqlProxy } from '../../bed/sql-proxy.ts';
import { monthlyRows, padded } from '../../crash/baseline-rows.ts';
import { killWorkerProcesses, leftBehind, startWorkerProcess } from '../../crash/bed.ts';
import { caseTraces } from '../../crash/case-traces.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import { weeklyName, writeMonthly } from '../../generated/release-zip.ts';

/** What is paused: a run, and the statement during which it is paused. */
interface Paused {
  start(pipeline: Pipeline): Promise<WorkflowHandle>;
  readonly statement: RegExp;
  /** The statement is the n-th that matches. */
  readonly count: number;
  /** Everything that the run leaves behind. */
  left(name: string, pipeline: Pipeline, handle: WorkflowHandle): Promise<unknown>;
}

const cases = {
  start: async (pipeline: Pipeline) => {
    await writeCases(pipeline, casesOf(10, 3100));
    return pipeline.startCases('pending-payment-update');
  },
  left: async (name: string, pipeline: Pipeline, handle: WorkflowHandle) =>
    caseTraces(name, pipeline, (await handle.result()) as CaseUpdateResult),
};
const weekly = {
  // Two blocks.
  start: async (pipeline: Pipeline) => {
    const range = '20260907-20260913';
    const week = { period: { start: '2026-09-07', end: '2026-09-13' }, rows: 6000 };
    await writeReleaseZip(join(pipeline.site, weeklyName(range)), { range, lines: weekLines(week) });
    return pipeline.start();
  },
  left: leftBehind,
};
const monthly = {
  start: async (pipeline: Pipeline) => {
    await writeMonthly(pipeline.site, 'September_2026', '20260913', monthlyRows, padded);
    return pipeline.start();
  },
  left: leftBehind,
};
const move = { ...cases, statement: /^UPDATE case_move m STRAIGHT_JOIN/, count: 3 };
const publish = { ...weekly, statement: /^INSERT INTO \w+\.npi_data_/, count: 1 };

/** Starts a pipeline with a worker behind a proxy, which holds a statement of the next run once it is armed. */
async function startHeld(name: string, { statement, count }: Paused) {
  const pipeline = await startPipeline(name, { NPI_MAX_REFUSED: '50%' }, { hasWorker: false });
  const url = new URL(pipeline.env['DATABASE_URL'] ?? '');
  let [isArmed, seen] = [false, 0];
  let tellHeld: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    tellHeld = resolve;
  });
  const isHeld = (sql: string) => isArmed && statement.test(sql) && (seen += 1) === count;
  const proxy = await startSqlProxy(
    { host: url.hostname, port: Number(url.port) },
    { judge: (sql) => (isHeld(sql) ? 'held' : 'pass'), stop: () => tellHeld() },
  );
  url.port = String(proxy.port);
  const worker = await startWorkerProcess({ ...pipeline.env, DATABASE_URL: url.href });
  return {
    pipeline,
    proxy,
    held,
    arm: () => {
      isArmed = true;
    },
    async stop() {
      worker.child.kill('SIGTERM');
      await worker.exit;
      await proxy.close();
      await pipeline.stop();
    },
  };
}

type Held = Awaited<ReturnType<typeof startHeld>>;

/** `temporal activity pause` or `unpause` of the activity that a run waits for. */
async function temporal(verb: string, { env }: Pipeline, handle: WorkflowHandle): Promise<void> {
  const id = pendingActivity(await handle.describe())?.id;
  const at = `--address ${inject('temporalAddress')} --namespace ${env['TEMPORAL_NAMESPACE']}`;
  const command = `activity ${verb} --workflow-id ${handle.workflowId} --activity-id ${id} ${at}`;
  await promisify(execFile)(inject('temporalCli'), command.split(' '));
}

const pausedState = 4;

/** Pauses the run during the held statement, and waits until its attempt has ended. */
async function pauseHeld({ pipeline, proxy, held }: Held, handle: WorkflowHandle): Promise<void> {
  await held;
  await temporal('pause', pipeline, handle);
  // The worker hears of the pause with its next heartbeat.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  proxy.release();
  const state = async () => Number((await handle.describe()).raw.pendingActivities?.[0]?.state);
  await expect.poll(state, { timeout: 20_000 }).toBe(pausedState);
}

const locksOf = ({ query }: Pipeline, name: string) =>
  query(`SELECT object_name FROM performance_schema.data_locks WHERE object_schema LIKE '${name}\\_%'`);

/** As 60 s after the last attempt ended. */
const expireLease = ({ query }: Pipeline) =>
  query('UPDATE lease SET expires_at = NOW(6) - INTERVAL 1 SECOND');

afterAll(killWorkerProcesses);

describe('a run whose activity is paused and unpaused', exhaustive, () => {
  it.each<[string, Paused]>([
    ['move', move],
    ['stage', { ...weekly, statement: /^LOAD DATA LOCAL .*\bnpi_stage_/, count: 2 }],
    ['publish', publish],
    ['monthly', { ...monthly, statement: /^LOAD DATA LOCAL .*\bnpi_shadow_\w+_npi_data_1 /, count: 3 }],
  ])('holds no lock meanwhile, and leaves the same tables (%s)', async (phase, paused) => {
    const name = `paused_${phase}`;
    const bed = await startHeld(name, paused);
    const { pipeline } = bed;
    const undisturbed = await paused.left(name, pipeline, await paused.start(pipeline));
    await pipeline.reset();

    bed.arm();
    const handle = await paused.start(pipeline);
    await pauseHeld(bed, handle);
    expect(await locksOf(pipeline, name)).toEqual([]);
    await temporal('unpause', pipeline, handle);
    expect(await paused.left(name, pipeline, handle)).toEqual(undisturbed);
    await bed.stop();
  });

  it('moves no case of a run that took over its lease', async () => {
    const name = 'paused_cases';
    const bed = await startHeld(name, move);
    const { pipeline } = bed;
    bed.arm();
    const handle = await cases.start(pipeline);
    await pauseHeld(bed, handle);
    await expireLease(pipeline);
    const other = await pipeline.runCases('pending-payment-update');
    await temporal('unpause', pipeline, handle);
    const { updated, exceptions } = (await handle.result()) as CaseUpdateResult;
    expect(updated).toBeGreaterThan(0);
    expect(exceptions).toEqual({ 'Case status already at target value': other.updated });
    expect(updated + other.updated).toBe(3100);
    await bed.stop();
  });

  it('ends with ShadowLost when another run dropped its staging', async () => {
    const bed = await startHeld('paused_lost', publish);
    const { pipeline } = bed;
    bed.arm();
    const handle = await weekly.start(pipeline);
    await pauseHeld(bed, handle);
    await expireLease(pipeline);
    await pipeline.query('UPDATE npi_checkpoint SET moved_at = NOW(6) - INTERVAL 2 HOUR');
    expect(await pipeline.run()).toMatchObject({ outcome: 'published' });
    await temporal('unpause', pipeline, handle);
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'ShadowLost' } });
    expect(await pipeline.query('SELECT release_id FROM npi_release')).toHaveLength(1);
    await bed.stop();
  });
});
