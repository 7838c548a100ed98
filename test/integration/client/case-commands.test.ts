import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { caseId, casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { cli, surgicase } from '../../bed/cli.ts';
import { oldPendingPaymentUpdate } from '../../bed/old-scheduler.ts';
import { openNamespace } from '../../bed/namespace.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { exhaustive } from '../../bed/extent.ts';

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

  it(
    'a trigger of the schedule (temporal schedule trigger, or Schedules in the Web UI) moves the same',
    exhaustive,
    async () => {
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
    },
  );

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

const idsOf = (value: Readonly<Record<string, unknown>>) => ({
  runId: String(value['runId']),
  workflowId: String(value['workflowId']),
});

/** Starts a command that follows a run; `shown` is what it has printed so far. */
function following(...args: string[]) {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...pipeline.env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)));
  return { child, shown: () => text, exit: once(child, 'close').then(([code]) => code as number | null) };
}

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

  it('compare shows what another scheduler did to the cases that a dry run found', async () => {
    await writeCases(pipeline, casesOf(10, 5));
    const { runId } = idsOf((await json('run', 'pending-payment-update', '--dry-run')).value);
    const next = `surgicase cases compare ${runId}`;
    expect((await run('status')).out).toMatch(
      new RegExp(`  dry run    5 cases would have moved 10 -> 15, .* UTC: \`${next}\``),
    );
    expect((await run('runs', 'show', runId)).out).toMatch(
      new RegExp(`dry run\n[^]*  cases     5 would have moved 10 -> 15\n.*${next}`),
    );
    const set = (number: number, values: string) =>
      pipeline.query(`UPDATE casecli_app.cases SET ${values} WHERE case_id = '${caseId(number)}'`);
    await set(4, 'case_status = 30, sent_to_biller_ts = NOW()');
    const schemas = { application: 'casecli_app', search: '', scheduler: '' };
    await oldPendingPaymentUpdate(
      { query: (sql) => pipeline.query(sql), schemas },
      { cases: [1, 2, 3], overwritten: 2 },
    );
    await pipeline.query(
      `INSERT INTO casecli_app.cases (case_id, case_status, active, pending_payment_ts) VALUES ('late', 15, 1, NOW())`,
    );
    expect((await json('cases', 'compare', runId)).value).toMatchObject({
      job: 'pending-payment-update',
      found: 5,
      moved: 3,
      overChange: [caseId(2)],
      unmoved: 1,
      changed: 1,
      others: 1,
    });
    expect((await run('cases', 'compare', runId)).out).toContain(
      `3 of them moved to 15, 1 over a change that somebody made meanwhile\n    ${caseId(2)}\n`,
    );
    // A dry run moved nothing: no history, and nothing to bring back.
    expect((await json('cases', 'history')).value).toEqual([]);
    expect((await json('cases', 'history', caseId(1))).value).toEqual([]);
    expect((await run('cases', 'undo', runId, '--yes')).err).toContain('it was a dry run and moved nothing');
    const moving = idsOf((await json('run', 'pending-payment-update')).value).runId;
    expect(await run('cases', 'compare', moving)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`Run ${moving} was not a dry run.`),
    });
    expect((await run('status')).out).not.toMatch(/^ {2}dry run/m);
  });

  it('exceptions, history and undo show and revert a run during which a person moved a case', async () => {
    await writeCases(pipeline, casesOf(10, 3));
    // The run waits for approval, which gives a person time to move a case.
    const first = following('run', 'pending-payment-update', '--limit', '1');
    const isWaiting = /waiting for approval \(3 cases, more than 1\): surgicase runs approve [\da-f-]{36}/;
    await expect.poll(first.shown, { timeout: 20_000 }).toMatch(isWaiting);
    // Ctrl-C ends the command that follows, and not the run.
    const second = following('run', 'pending-payment-update', '--attach');
    await expect.poll(second.shown, { timeout: 20_000 }).toMatch(isWaiting);
    second.child.kill('SIGINT');
    expect(await second.exit).toBe(130);
    expect(second.shown()).toContain('`surgicase run pending-payment-update --attach` follows it again.');
    await pipeline.query(`UPDATE casecli_app.cases SET case_status = 20 WHERE case_id = '${caseId(2)}'`);
    const { runId } = await pipeline.client.workflow.getHandle('pending-payment-update-manual').describe();
    expect((await run('run', 'pending-payment-update', '--limit', '1')).code).toBe(4);
    expect(await run('runs', 'approve', runId, '--by', 'ana@desk', '--reason', 'checked')).toMatchObject({
      code: 0,
      out: `pending-payment-update-manual: approved (run ${runId})\n`,
    });
    expect(first.shown()).toContain(`surgicase runs approve ${runId}`);
    expect(await first.exit).toBe(0);
    expect(first.shown()).toContain('1 not moved: Cannot update to lower status without force=true');

    expect((await run('cases', 'exceptions', runId, '--csv')).out).toBe(
      `case_id,reason,current_status,attempted_status\n${caseId(2)},Cannot update to lower status without force=true,20,15\n`,
    );
    expect((await json('cases', 'history')).value[0]).toMatchObject({
      runId,
      movedCount: 2,
      exceptionCount: 1,
    });
    expect((await run('cases', 'history', caseId(1))).out).toMatch(/10 -> 15 {2}moved/);
    const unasked = await run('cases', 'undo', runId);
    expect(unasked).toMatchObject({ code: 2, err: expect.stringContaining('Add --yes') });
    expect(unasked.out).toMatch(/^pending-payment-update of \d{4}-.* UTC moved 2 cases \(run /);
    expect(unasked.out).toContain('an undo brings back 2 cases: 15 back to 10\n');
    expect(await countByStatus(pipeline)).toEqual({ 15: 2, 20: 1 });
    const undone = await run('cases', 'undo', runId, '--yes', '--by', 'ben@desk', '--reason', 'wrong week');
    expect(undone).toMatchObject({
      code: 0,
      out: expect.stringContaining('2 cases found, 15 back to 10; 2 updated'),
    });
    expect(await countByStatus(pipeline)).toEqual({ 10: 2, 20: 1 });
    expect((await run('cases', 'history', caseId(1))).out).toMatch(/case-undo {2}15 -> 10 {2}moved/);
    expect((await json('runs', 'show', runId)).value['decisions']).toMatchObject([
      { what: 'approve', by: 'ana@desk', reason: 'checked', runId },
      { what: 'undo', by: 'ben@desk', reason: 'wrong week' },
    ]);
    const details = (await run('runs', 'show', runId)).out;
    expect(details).toMatch(/ {2}approve {3}\d{4}-\d\d-\d\d \d\d:\d\d UTC by ana@desk: checked\n/);
    expect(details).toMatch(/ {2}undo {6}.* by ben@desk: wrong week \(run [\da-f-]{36}\)\n/);
  });

  it('runs list and show tell from the ledger what runs did, also when Temporal has forgotten them', async () => {
    await writeCases(pipeline, casesOf(10, 3));
    const ended = await json('run', 'pending-payment-update');
    const { runId, workflowId } = idsOf(ended.value);
    await pipeline.client.workflowService.deleteWorkflowExecution({
      namespace: pipeline.client.options.namespace,
      workflowExecution: { workflowId, runId },
    });
    const listed = await run('runs', 'list', 'pending-payment-update', '--limit', '1');
    expect(listed.out).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d UTC {2}[\da-f-]{36} {2}pending-payment-update {2}moved {2}\d+\.\d+ s\n$/,
    );
    expect(listed.out).toContain(runId);
    expect((await json('runs', 'show', runId)).value).toMatchObject({
      outcome: 'moved',
      releases: [],
      cases: { selectedCount: 3, movedCount: 3, exceptions: {} },
    });
    expect((await run('runs', 'show', runId)).out).toContain('3 of 3 moved');
    expect(await run('runs', 'show', 'absent')).toMatchObject({
      code: 2,
      err: expect.stringContaining('surgicase runs list'),
    });
  });

  it('runs cancel ends a run that waits, and moves nothing', async () => {
    await writeCases(pipeline, casesOf(10, 3));
    const started = await json('run', 'pending-payment-update', '--limit', '1', '--no-wait');
    const { runId, workflowId } = idsOf(started.value);
    const cancelled = await json('runs', 'cancel', runId, '--by', 'ana@desk', '--reason', 'too early');
    expect(cancelled.value).toEqual({ workflowId, runId, isWorkerPolling: true });
    await expect(pipeline.client.workflow.getHandle(workflowId, runId).result()).rejects.toThrow('cancelled');
    expect((await json('runs', 'show', runId)).value).toMatchObject({
      outcome: 'cancelled',
      decisions: [{ what: 'cancel', by: 'ana@desk', reason: 'too early', runId }],
    });
    expect(await countByStatus(pipeline)).toEqual({ 10: 3 });
    expect((await run('runs', 'cancel', runId)).code).toBe(2);
  });

  it(
    'approve reaches the run that was named, not a later one of the same workflow id',
    exhaustive,
    async () => {
      await writeCases(pipeline, casesOf(10, 3));
      const startWaiting = async () => {
        await run('run', 'pending-payment-update', '--limit', '1', '--no-wait');
        const { runId } = await pipeline.client.workflow
          .getHandle('pending-payment-update-manual')
          .describe();
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
    },
  );

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
    expect(await run('cases', 'compare', nobody)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`no dry run of cases with the id ${nobody}`),
    });
    expect(await run('cases', 'undo', nobody, '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining(`The run ${nobody} cannot be undone: the ledger has no case update`),
    });
    expect(await run('runs', 'approve', nobody)).toMatchObject({ code: 2 });
    expect(await run('runs', 'reject', 'no-such-workflow')).toMatchObject({ code: 2 });
    expect(await run('run', 'npi-update', '--limit', '3')).toMatchObject({ code: 2 });
    expect((await run('cases', 'preview', 'npi-update')).code).toBe(2);
  });
});
