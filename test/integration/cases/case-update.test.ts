import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { CaseProgress } from '../../../contract/workflows.ts';
import { caseId, casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('cases');
});
afterAll(() => pipeline.stop());
beforeEach(() => pipeline.reset());

const failureOf = (error: unknown): ApplicationFailure => {
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure)) throw error;
  return cause;
};

const caseRow = async (number: number) => {
  const [row] = await pipeline.query(
    `SELECT case_status AS status, pending_payment_ts AS pending, paid_to_provider_ts AS paid,
       case_updated_ts > NOW() - INTERVAL 1 MINUTE AS isTouched
     FROM ${pipeline.app}.cases WHERE case_id = '${caseId(number)}'`,
  );
  return row;
};

describe('a case update', () => {
  it('moves every active case of its status in batches, and no other case', async () => {
    const others = [0, 7, 15, 20, 500].flatMap((status, index) => casesOf(status, 10, 10_000 + 100 * index));
    const inactive = casesOf(10, 10, 20_000).map((row) => ({ ...row, active: 0 }));
    const odd = [
      { id: 'no status', status: null },
      { id: 'no flag', status: 10, active: null },
    ];
    await writeCases(pipeline, [...casesOf(10, 3500), ...others, ...inactive, ...odd]);
    const result = await pipeline.runCases('pending-payment-update');
    expect(result).toMatchObject({
      outcome: 'moved',
      source: 10,
      target: 15,
      found: 3500,
      updated: 3500,
      exceptions: {},
      remarks: [],
    });
    expect(await countByStatus(pipeline)).toMatchObject({ 0: 10, 7: 10, 10: 11, 15: 3510, 20: 10, 500: 10 });
    expect(await caseRow(1)).toMatchObject({ status: 15, paid: null, isTouched: 1 });
    expect(await caseRow(10_000)).toMatchObject({ status: 0, pending: null, isTouched: 0 });
    const [ledger] = await pipeline.query(
      `SELECT COUNT(*) AS moves, SUM(m.state_at = c.pending_payment_ts) AS sameTime, MIN(from_status) AS least,
         MAX(from_status) AS most, MIN(to_status) AS target, COUNT(previous_ts) AS previous
       FROM case_move m JOIN ${pipeline.app}.cases c USING (case_id) WHERE m.state = 'moved'`,
    );
    expect(ledger).toEqual({ moves: 3500, sameTime: '3500', least: 10, most: 10, target: 15, previous: 0 });
  });

  it('with nothing due succeeds', async () => {
    await writeCases(pipeline, casesOf(7, 3));
    expect(await pipeline.runCases('paid-update')).toMatchObject({
      outcome: 'nothing due',
      found: 0,
      updated: 0,
    });
  });

  it('takes statuses from its input, and moves back only with force', async () => {
    await writeCases(pipeline, casesOf(20, 5));
    const back = { source: 20, target: 15 };
    const refused = await pipeline.runCases('paid-update', back).catch(failureOf);
    expect(refused).toMatchObject({ type: 'InputRefused' });
    expect((refused as Error).message).toContain('target 15 is below source 20');
    expect(await countByStatus(pipeline)).toEqual({ 20: 5 });
    expect(await pipeline.runCases('paid-update', { ...back, force: true })).toMatchObject({ updated: 5 });
    expect(await countByStatus(pipeline)).toEqual({ 15: 5 });
  });

  it.each([
    [{ target: 'paid' }, 'target is "paid"; it must be a status'],
    [{ dryrun: true }, 'dryrun is not an input field'],
    [{ source: 15, target: 15 }, 'the same status'],
    [{ limit: 0 }, 'limit is 0'],
    [['10'], 'must be a JSON object'],
  ])('refuses the input %j and says what is accepted', async (input, message) => {
    await writeCases(pipeline, casesOf(10, 1));
    const refused = await pipeline.runCases('pending-payment-update', input as object).catch(failureOf);
    expect(refused).toMatchObject({ type: 'InputRefused' });
    expect((refused as Error).message).toContain(message);
    expect(await countByStatus(pipeline)).toEqual({ 10: 1 });
  });

  it('as a dry run says how many cases it would move, keeps which, and moves none', async () => {
    await writeCases(pipeline, casesOf(10, 7));
    const result = await pipeline.runCases('pending-payment-update', { dryRun: true });
    expect(result).toMatchObject({ outcome: 'dry run', found: 7, updated: 0 });
    expect(await countByStatus(pipeline)).toEqual({ 10: 7 });
    expect(await pipeline.query('SELECT DISTINCT state FROM case_move')).toEqual([{ state: 'selected' }]);
    expect(await pipeline.query('SELECT 1 FROM lease WHERE run_id IS NOT NULL')).toEqual([]);
  });

  it('needs no tables of the registry, and names what is missing before anything moves', async () => {
    await writeCases(pipeline, casesOf(10, 3));
    await pipeline.query(`RENAME TABLE ${pipeline.app}.npi_data_1 TO ${pipeline.app}.gone`);
    try {
      await pipeline.query(`ALTER TABLE ${pipeline.app}.cases DROP COLUMN paid_to_provider_ts`);
      expect(await pipeline.runCases('pending-payment-update')).toMatchObject({ updated: 3 });
      const refused = await pipeline.runCases('paid-update').catch(failureOf);
      expect(refused).toMatchObject({ type: 'CasesNotReady' });
      expect((refused as Error).message).toContain(`${pipeline.app}.cases lacks paid_to_provider_ts`);
      await pipeline.query(`DROP TABLE ${pipeline.app}.cases`);
      const missing = await pipeline.runCases('paid-update').catch(failureOf);
      expect((missing as Error).message).toContain(`missing tables: ${pipeline.app}.cases`);
    } finally {
      await pipeline.query(`RENAME TABLE ${pipeline.app}.gone TO ${pipeline.app}.npi_data_1`);
    }
  });

  it('leaves cases for the next week that another job moved after the scheduled time', async () => {
    await writeCases(pipeline, [...casesOf(10, 4), ...casesOf(15, 3, 100)]);
    // Both were due at the same time, long ago, and now run one after the other.
    const due = new Date(Date.now() - 60_000);
    expect(await pipeline.runScheduledCases('pending-payment-update', due)).toMatchObject({ updated: 4 });
    const paid = await pipeline.runScheduledCases('paid-update', due);
    expect(paid).toMatchObject({ found: 3, updated: 3, leftForNextRun: 4 });
    expect(paid.remarks).toEqual([
      "4 cases reached status 15 after this run's scheduled time; they wait for the next run.",
    ]);
    expect(await countByStatus(pipeline)).toEqual({ 15: 4, 20: 3 });
    const nextWeek = new Date(Date.now() + 1000);
    expect(await pipeline.runScheduledCases('paid-update', nextWeek)).toMatchObject({ found: 4, updated: 4 });
  });
});

describe('a run that would move more cases than allowed', () => {
  const waiting = async (handle: Awaited<ReturnType<Pipeline['startCases']>>) => {
    const progress = () => handle.query<CaseProgress>('progress');
    await expect.poll(async () => (await progress()).phase, { timeout: 20_000 }).toBe('approval');
    return progress();
  };

  it('waits, and moves the frozen selection after approval', async () => {
    await writeCases(pipeline, casesOf(10, 6));
    const handle = await pipeline.startCases('pending-payment-update', { limit: 5 });
    expect(await waiting(handle)).toEqual({ phase: 'approval', found: 6, updated: 0, limit: 5 });
    await pipeline.query(`INSERT INTO ${pipeline.app}.cases (case_id, case_status) VALUES ('later', 10)`);
    await expect(handle.executeUpdate('approve', { args: [{ reasons: 'x' }] })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('reasons is not an input field') },
    });
    await handle.executeUpdate('approve');
    expect(await handle.result()).toMatchObject({ outcome: 'moved', found: 6, updated: 6 });
    expect(await pipeline.query('SELECT what, decided_by AS person FROM decision')).toEqual([
      { what: 'approve', person: 'unknown' },
    ]);
    expect(await countByStatus(pipeline)).toEqual({ 10: 1, 15: 6 });
    await expect(handle.executeUpdate('approve')).rejects.toThrow(WorkflowNotFoundError);
  });

  it('moves nothing when it is rejected', async () => {
    await writeCases(pipeline, casesOf(10, 6));
    const handle = await pipeline.startCases('pending-payment-update', { limit: 5 });
    await waiting(handle);
    await handle.executeUpdate('reject');
    expect(await handle.result()).toMatchObject({ outcome: 'rejected', found: 6, updated: 0 });
    expect(await countByStatus(pipeline)).toEqual({ 10: 6 });
  });

  it('does not wait at exactly the limit', async () => {
    await writeCases(pipeline, casesOf(10, 5));
    expect(await pipeline.runCases('pending-payment-update', { limit: 5 })).toMatchObject({ updated: 5 });
  });

  it('refuses an answer when the run does not wait for one', async () => {
    await writeCases(pipeline, casesOf(10, 1));
    const person = await createConnection(inject('mysqlUrl'));
    await person.query(`LOCK TABLES ${pipeline.app}.cases WRITE`);
    const handle = await pipeline.startCases('pending-payment-update');
    await expect(handle.executeUpdate('approve')).rejects.toMatchObject({
      name: 'WorkflowUpdateFailedError',
      cause: { message: 'This run is not waiting for an approval.' },
    });
    await person.end();
    await handle.result();
  });
});

describe('an undo', () => {
  const pending = '2026-02-03 04:05:06';

  it('restores status and timestamp once, and only of cases that have not changed since the run', async () => {
    await writeCases(pipeline, [{ id: caseId(1), status: 10, pending }, ...casesOf(10, 4, 2)]);
    const handle = await pipeline.startCases('pending-payment-update');
    await handle.result();
    const { runId } = await handle.describe();
    const cases = `${pipeline.app}.cases`;
    await pipeline.query(`UPDATE ${cases} SET case_status = 20 WHERE case_id = '${caseId(2)}'`);
    await pipeline.query(
      `UPDATE ${cases} SET pending_payment_ts = '2026-01-01' WHERE case_id = '${caseId(3)}'`,
    );
    await pipeline.query(`DELETE FROM ${cases} WHERE case_id = '${caseId(4)}'`);
    expect(await pipeline.undo(runId)).toMatchObject({
      outcome: 'moved',
      found: 5,
      updated: 2,
      exceptions: {
        'Case not found or inactive': 1,
        'Processing error: the case was moved by somebody else meanwhile': 2,
      },
    });
    expect(await caseRow(1)).toMatchObject({ status: 10, pending });
    expect(await caseRow(5)).toMatchObject({ status: 10, pending: null });
    expect(await caseRow(2)).toMatchObject({ status: 20 });
    expect(await caseRow(3)).toMatchObject({ status: 15 });
    // The restored cases are due again, and a second undo changes nothing.
    expect(await pipeline.runCases('pending-payment-update')).toMatchObject({ updated: 2 });
    expect(await pipeline.undo(runId)).toMatchObject({ found: 3, updated: 0 });
    expect(await caseRow(1)).toMatchObject({ status: 15 });
  });

  it('refuses a run that is not in the ledger, and an undo', async () => {
    await writeCases(pipeline, casesOf(10, 1));
    const unknown = await pipeline.undo('0197a5d0-1111-7222-8333-444455556666').catch(failureOf);
    expect(unknown).toMatchObject({ type: 'RunNotUndoable' });
    const handle = await pipeline.startCases('pending-payment-update');
    await handle.result();
    await pipeline.undo((await handle.describe()).runId);
    const [undo] = await pipeline.query<{ run_id: string }>(
      "SELECT run_id FROM run WHERE job = 'case-undo' AND outcome = 'moved'",
    );
    expect(await pipeline.undo(undo?.run_id ?? '').catch(failureOf)).toMatchObject({
      type: 'RunNotUndoable',
    });
  });
});
