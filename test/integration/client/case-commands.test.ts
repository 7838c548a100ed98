import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { caseId, casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { cli, surgicase } from '../../bed/cli.ts';
import { openNamespace } from '../../bed/namespace.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

// Runs the case commands as a person does: each in its own process, with real servers.
let pipeline: Pipeline;
const folder = mkdtempSync(join(tmpdir(), 'surgicase-casecli-'));
const run = (...args: string[]) => surgicase(args, pipeline.env, folder);
const json = async (...args: string[]) => {
  const { code, out } = await run(...args, '--json');
  return { code, value: JSON.parse(out) as never as Record<string, never> & Record<string, never>[] };
};

beforeAll(async () => {
  pipeline = await startPipeline('casecli');
  await run('schedules', 'apply');
});
afterAll(async () => {
  await pipeline.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => pipeline.reset());

describe('the three triggers', () => {
  const schedule = () => pipeline.client.schedule.getHandle('pending-payment-update');

  it('surgicase run moves the cases and says how many', async () => {
    await writeCases(pipeline, casesOf(10, 30));
    const shown = await run('run', 'pending-payment-update');
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/pending-payment-update: moved in \d+\.\d+ s/);
    expect(shown.out).toMatch(/30 cases found, 10 -> 15; 30 updated, [\d,]+ cases\/s/);
    expect(await countByStatus(pipeline)).toEqual({ 15: 30 });
  });

  it('a trigger of the schedule (temporal schedule trigger, or Schedules in the Web UI) moves the same', async () => {
    await writeCases(pipeline, casesOf(10, 30));
    const before = (await schedule().describe()).info.numActionsTaken;
    await schedule().trigger(ScheduleOverlapPolicy.SKIP);
    const taken = async () => (await schedule().describe()).info.numActionsTaken;
    await expect.poll(taken, { timeout: 20_000 }).toBe(before + 1);
    const workflowId = (await schedule().describe()).info.recentActions.at(-1)?.action.workflow.workflowId;
    expect(await pipeline.client.workflow.getHandle(workflowId ?? '').result()).toMatchObject({
      updated: 30,
    });
    expect(await countByStatus(pipeline)).toEqual({ 15: 30 });
  });

  it('Start Workflow without input, as the Web UI sends it, moves the same', async () => {
    await writeCases(pipeline, casesOf(15, 30));
    const options = { workflowId: 'by hand', taskQueue: 'surgicase' };
    expect(await pipeline.client.workflow.execute('paidUpdate', options)).toMatchObject({
      updated: 30,
      target: 20,
    });
    expect(await countByStatus(pipeline)).toEqual({ 20: 30 });
  });
});

describe('surgicase cases', () => {
  it('preview counts and names what would move, and moves nothing', async () => {
    await writeCases(pipeline, [...casesOf(10, 30), ...casesOf(15, 2, 100)]);
    const shown = await run('cases', 'preview', '--limit', '2');
    expect(shown.out).toContain('pending-payment-update: 30 cases would move 10 -> 15');
    expect(shown.out).toContain('and 28 more');
    const { value } = await json('cases', 'preview', 'paid-update');
    expect(value).toEqual([
      { job: 'paid-update', source: 15, target: 20, count: 2, caseIds: [caseId(100), caseId(101)] },
    ]);
    const dry = await json('run', 'pending-payment-update', '--dry-run');
    expect(dry).toMatchObject({ code: 0, value: { result: { outcome: 'dry run', found: 30, updated: 0 } } });
    expect(await countByStatus(pipeline)).toEqual({ 10: 30, 15: 2 });
  });

  it('exceptions, history and undo show and revert a run during which a person moved a case', async () => {
    await writeCases(pipeline, casesOf(10, 3));
    // The run waits for approval, which gives a person time to move a case.
    const child = spawn(process.execPath, [cli, 'run', 'pending-payment-update', '--limit', '1'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...pipeline.env },
    });
    let shown = '';
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
    });
    const exit = new Promise((resolve) => child.once('exit', resolve));
    await expect
      .poll(() => shown, { timeout: 20_000 })
      .toMatch(/waiting for approval \(3 cases, more than 1\): surgicase runs approve [\da-f-]{36}/);
    await pipeline.query(`UPDATE casecli_app.cases SET case_status = 20 WHERE case_id = '${caseId(2)}'`);
    const { runId } = await pipeline.client.workflow.getHandle('pending-payment-update-manual').describe();
    expect((await run('run', 'pending-payment-update', '--limit', '1')).code).toBe(4);
    expect(await run('runs', 'approve', runId)).toMatchObject({
      code: 0,
      out: `pending-payment-update-manual: approved (run ${runId})\n`,
    });
    expect(shown).toContain(`surgicase runs approve ${runId}`);
    expect(await exit).toBe(0);
    expect(shown).toContain('1 not moved: Cannot update to lower status without force=true');

    expect((await run('cases', 'exceptions', runId, '--csv')).out).toBe(
      `case_id,reason,current_status,attempted_status\n${caseId(2)},Cannot update to lower status without force=true,20,15\n`,
    );
    expect((await json('cases', 'history')).value[0]).toMatchObject({
      runId,
      movedCount: 2,
      exceptionCount: 1,
    });
    expect((await run('cases', 'history', caseId(1))).out).toMatch(/10 -> 15 {2}moved/);
    const undone = await run('cases', 'undo', runId);
    expect(undone).toMatchObject({ code: 0, out: expect.stringContaining('2 cases found; 2 updated') });
    expect(await countByStatus(pipeline)).toEqual({ 10: 2, 20: 1 });
    expect((await run('cases', 'history', caseId(1))).out).toMatch(/case-undo {2}15 -> 10 {2}moved/);
  });

  it('approve reaches the run that was named, not a later one of the same workflow id', async () => {
    await writeCases(pipeline, casesOf(10, 3));
    const startWaiting = async () => {
      await run('run', 'pending-payment-update', '--limit', '1', '--no-wait');
      const { runId } = await pipeline.client.workflow.getHandle('pending-payment-update-manual').describe();
      await expect
        .poll(async () => (await run('status')).out, { timeout: 20_000 })
        .toContain(`approve ${runId}`);
      return runId;
    };
    const first = await startWaiting();
    expect((await run('runs', 'reject', first)).code).toBe(0);
    await pipeline.client.workflow.getHandle('pending-payment-update-manual', first).result();
    const second = await startWaiting();
    expect(await run('runs', 'approve', first)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`Run ${first} has ended and takes no answer`),
    });
    expect(await countByStatus(pipeline)).toEqual({ 10: 3 });
    expect((await json('runs', 'reject', second)).value).toEqual({
      workflowId: 'pending-payment-update-manual',
      runId: second,
      decision: 'rejected',
    });
  });

  it('approve says that no worker is running, instead of waiting for one', async () => {
    const alone = 'casecli-alone';
    const client = await openNamespace(inject('temporalAddress'), alone);
    const handle = await client.workflow.start('paidUpdate', {
      workflowId: 'waits',
      taskQueue: 'surgicase',
    });
    const env = { ...pipeline.env, TEMPORAL_NAMESPACE: alone };
    expect(await surgicase(['runs', 'approve', 'waits'], env, folder)).toMatchObject({
      code: 3,
      err: expect.stringContaining('No worker is running'),
    });
    await handle.terminate();
    await client.connection.close();
  });

  it('explains a wrong id and exits 2 or 1', async () => {
    const nobody = '0197a5d0-1111-7222-8333-444455556666';
    expect(await run('cases', 'exceptions', nobody)).toMatchObject({
      code: 2,
      err: expect.stringContaining('cases history'),
    });
    expect(await run('cases', 'undo', nobody)).toMatchObject({
      code: 1,
      out: expect.stringContaining('RunNotUndoable'),
    });
    expect(await run('runs', 'approve', nobody)).toMatchObject({ code: 2 });
    expect(await run('runs', 'reject', 'no-such-workflow')).toMatchObject({ code: 2 });
    expect(await run('run', 'npi-update', '--limit', '3')).toMatchObject({ code: 2 });
    expect((await run('cases', 'preview', 'npi-update')).code).toBe(2);
  });
});
