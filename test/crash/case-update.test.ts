import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CaseUpdateResult } from '../../contract/workflows.ts';
import { caseId, casesOf, writeCases, type CaseRow } from '../generated/cases.ts';
import { hash } from '../../local/sample/provider.ts';
import { exhaustive, isExhaustive, sampleOf } from '../bed/extent.ts';
import { startPipeline, type Pipeline } from '../bed/pipeline.ts';
import type { Verdict } from '../bed/sql-proxy.ts';
import { killWorkerProcesses, startDoomedWorker, startWorkerProcess } from './bed.ts';
import { caseTraces } from './case-traces.ts';

// Several batches in each of two lanes. Someone else moves a few of the cases first.
const dueCount = 3100;
const due: readonly CaseRow[] = casesOf(10, dueCount);
const meanwhile = [
  { change: 'case_status = 20', number: 500 },
  { change: 'active = 0', number: 1500 },
  { change: 'case_status = 15', number: 2500 },
  { change: 'case_status = 7', number: 2501 },
] as const;
const exceptions = {
  'Cannot update to lower status without force=true': 1,
  'Case not found or inactive': 1,
  'Case status already at target value': 1,
  'Processing error: the case was moved by somebody else meanwhile': 1,
};

async function openCase(name: string): Promise<Pipeline> {
  const more = { ACTIVITY_HEARTBEAT_TIMEOUT: '1s' };
  return startPipeline(name, more, { hasWorker: false });
}

async function startDue(pipeline: Pipeline): Promise<WorkflowHandle> {
  await pipeline.reset();
  await writeCases(pipeline, [...due, ...casesOf(15, 50, 9000)]);
  return pipeline.startCases('pending-payment-update', { limit: 1 });
}

/** Waits for the selection, moves some of its cases as a person would, then approves the run. */
async function meddleAndApprove(pipeline: Pipeline, handle: WorkflowHandle): Promise<void> {
  for (;;) {
    const [run] = await pipeline.query('SELECT 1 FROM case_run');
    if (run) break;
    await pause();
  }
  for (const { change, number } of meanwhile) {
    await pipeline.query(`UPDATE ${pipeline.app}.cases SET ${change} WHERE case_id = '${caseId(number)}'`);
  }
  for (;;) {
    const answer = await handle.executeUpdate('approve').catch((error: unknown) => String(error));
    // The workflow refuses an answer until its selection has finished.
    if (answer === 'approved') return;
    await pause();
  }
}

/** Waits between two polls. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

async function leftBehind(name: string, pipeline: Pipeline, handle: WorkflowHandle): Promise<unknown> {
  return caseTraces(name, pipeline, (await handle.result()) as CaseUpdateResult);
}

/** Tasks of a dead worker wait ten seconds for it on its sticky queue, unless the queue is reset. */
async function forgetWorker({ client }: Pipeline, { workflowId }: WorkflowHandle): Promise<void> {
  const { namespace } = client.options;
  await client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId } });
}

let undisturbed: unknown;
let loggedLines: readonly Record<string, unknown>[] = [];
/** The kinds of the statements of the undisturbed run, in their order. */
const undisturbedKinds: string[] = [];

beforeAll(async () => {
  const name = 'cases_none';
  const pipeline = await openCase(name);
  const counted = await startDoomedWorker(pipeline.env, 'SIGKILL', (sql) => {
    undisturbedKinds.push(kindOf(sql));
    return 'pass';
  });
  const handle = await startDue(pipeline);
  await meddleAndApprove(pipeline, handle);
  undisturbed = await leftBehind(name, pipeline, handle);
  loggedLines = counted
    .lines()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  counted.child.kill('SIGTERM');
  await counted.exit;
  await counted.proxy.close();
  await pipeline.stop();
});

// Workers that a failed test left behind would run forever.
afterAll(killWorkerProcesses);

it('moves all cases that nobody else moved when nothing disturbs it', () => {
  expect(undisturbed).toMatchObject({
    report: { outcome: 'moved', found: dueCount, updated: dueCount - meanwhile.length, exceptions },
  });
});

it('logs one warning for each case that it did not move, and a summary, and no other case data', () => {
  const warnings = loggedLines.filter(({ level }) => level === 'warn');
  expect(warnings.map(({ message, job, caseId: id }) => ({ message, job, id }))).toEqual(
    [500, 1500, 2500, 2501].map((number) => ({
      message: 'case not moved',
      job: 'pending-payment-update',
      id: caseId(number),
    })),
  );
  expect(loggedLines.find(({ message }) => message === 'run ends')).toMatchObject({
    level: 'info',
    job: 'pending-payment-update',
    outcome: 'moved',
    found: dueCount,
    updated: dueCount - meanwhile.length,
    exceptions: meanwhile.length,
  });
});

/** Kills a worker at the statement that `judge` chooses, if it comes, and lets another worker finish the run. */
async function disturbed(
  name: string,
  pipeline: Pipeline,
  judge: (sql: string) => Verdict,
): Promise<unknown> {
  const doomed = await startDoomedWorker(pipeline.env, 'SIGKILL', judge);
  const handle = await startDue(pipeline);
  const driven = meddleAndApprove(pipeline, handle);
  const isKilled = await Promise.race([
    doomed.exit.then(() => true),
    driven.then(() => handle.result()).then(() => false),
  ]);
  const worker = await pipeline.startWorker();
  // With larger batches than in the undisturbed run, the run has fewer statements and may end before the chosen one.
  if (isKilled) await forgetWorker(pipeline, handle);
  await driven;
  const found = await leftBehind(name, pipeline, handle);
  await worker.stop();
  doomed.child.kill('SIGKILL');
  await doomed.exit;
  await doomed.proxy.close();
  return found;
}

/** The beginning of a statement without its values, which differ between runs. */
function kindOf(sql: string): string {
  return sql.slice(0, 60).replaceAll(/'[^']*'?|`[^`]*`?|\d+|cases_\w+/g, '?');
}

/** Chooses the n-th matching statement, counted from 1. */
function nth(pattern: RegExp, count: number, verdict: Verdict): (sql: string) => Verdict {
  let seen = 0;
  return (sql) => (pattern.test(sql) && (seen += 1) === count ? verdict : 'pass');
}

// A frozen worker's transaction locks the lease's row for a minute. These tests come first, so that the others run
// meanwhile.
describe.concurrent('a worker that is frozen', exhaustive, () => {
  const moments: readonly [string, (sql: string) => Verdict][] = [
    ['in_a_batch', nth(/^UPDATE case_move/, 2, 'after')],
    ['between_batches', nth(/^START TRANSACTION/, 6, 'before')],
  ];

  it.each(moments)('%s moves nothing after it wakes', async (moment, judge) => {
    const name = `cases_frozen_${moment}`;
    const pipeline = await openCase(name);
    const frozen = await startDoomedWorker(pipeline.env, 'SIGSTOP', judge);
    const handle = await startDue(pipeline);
    const driven = meddleAndApprove(pipeline, handle);
    await frozen.stopped;
    const worker = await startWorkerProcess(pipeline.env);
    await driven;
    const found = await leftBehind(name, pipeline, handle);
    expect(found).toEqual(undisturbed);
    frozen.child.kill('SIGCONT');
    frozen.child.kill('SIGTERM');
    await frozen.exit;
    expect(await leftBehind(name, pipeline, handle)).toEqual(found);
    worker.child.kill('SIGTERM');
    await worker.exit;
    await frozen.proxy.close();
    await pipeline.stop();
  });
});

describe.concurrent('a connection that is lost', () => {
  const moments: readonly [string, (sql: string) => Verdict][] = [
    ['before_a_commit', nth(/^COMMIT/, 6, 'before')],
    ['after_a_commit', nth(/^COMMIT/, 6, 'after')],
    ['in_a_batch', nth(/^UPDATE case_move/, 2, 'after')],
  ];

  it.each(sampleOf(moments, 1))('%s causes no lost and no repeated move', async (moment, judge) => {
    const name = `cases_lost_${moment}`;
    const pipeline = await openCase(name);
    const worker = await startDoomedWorker(pipeline.env, 'lost connections', judge);
    const handle = await startDue(pipeline);
    await meddleAndApprove(pipeline, handle);
    expect(await leftBehind(name, pipeline, handle)).toEqual(undisturbed);
    worker.child.kill('SIGTERM');
    await worker.exit;
    await worker.proxy.close();
    await pipeline.stop();
  });
});

describe.concurrent('a worker that is killed at any kind of statement of a run', () => {
  // Each batch repeats the statements of the one before, so a kill in a later batch shows nothing new. The first five
  // of a kind reach into the first batches: four parts of a run commit before them.
  const mostOfAKind = 5;
  const lanes = sampleOf([0, 1, 2, 3], 1);

  /**
   * The moments of a lane after which its workers are killed: one of them, or all. A kill before the next statement would
   * leave the same on the server.
   */
  function kills(lane: number): (readonly [kind: string, count: number])[] {
    const seen = new Map<string, number>();
    const moments = undisturbedKinds.map((kind) => {
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      return [kind, seen.get(kind) ?? 0] as const;
    });
    const all = moments.filter(([, count], i) => count <= mostOfAKind && i % 4 === lane);
    return isExhaustive ? all : all.slice(Math.floor((hash(lane, 1) / 2 ** 32) * all.length)).slice(0, 1);
  }

  it.each(lanes)(
    'leaves the same tables as an undisturbed run (lane %i)',
    async (lane) => {
      const name = `cases_lane_${lane}`;
      const pipeline = await openCase(name);
      for (const [kind, count] of kills(lane)) {
        let seen = 0;
        const found = await disturbed(name, pipeline, (sql) =>
          kindOf(sql) === kind && (seen += 1) === count ? 'after' : 'pass',
        );
        expect(found, `killed after number ${count} of: ${kind}`).toEqual(undisturbed);
      }
      await pipeline.stop();
    },
    1_500_000,
  );
});
