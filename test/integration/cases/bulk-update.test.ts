import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { bulkUpdateCaseStatus, getCasesWithStatus, InputError } from '../../../host/index.ts';
import type { Metrics } from '../../../telemetry/metrics.ts';
import { caseId, casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { exhaustive } from '../../bed/extent.ts';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('bulk');
  for (const [name, value] of Object.entries(pipeline.env)) vi.stubEnv(name, value);
});
afterAll(async () => {
  await pipeline.stop();
  vi.unstubAllEnvs();
});
beforeEach(() => pipeline.reset());

const cases = 'bulk_app.cases';
const missing = 'Case not found or inactive';
const lower = 'Cannot update to lower status without force=true';
const equal = 'Case status already at target value';

describe('bulkUpdateCaseStatus', () => {
  it('gives the result that callers of the application expect', async () => {
    await writeCases(pipeline, [
      { id: 'a', status: 10 },
      { id: 'b', status: 20 },
      { id: 'c', status: 15 },
      { id: 'd', status: 10, active: 0 },
      { id: 'e', status: null },
      { id: 'Zoë', status: 7 },
    ]);
    const caseIds = ['Zoë', 'c', 'a', 'nobody', 'b', 'a', 'd', 'e'];
    const { run_id: runId, ...result } = await bulkUpdateCaseStatus({ caseIds, newStatus: 15 });
    const moved = (id: string, previous: number) => ({
      case_id: id,
      previous_status: previous,
      new_status: 15,
      forced: false,
      timestamp_updated: { field: 'pending_payment_ts', transition: `${previous} -> 15` },
    });
    const left = (id: string, reason: string, current: number | null) => ({
      case_id: id,
      reason,
      current_status: current,
      attempted_status: 15,
    });
    expect(result).toEqual({
      updated_cases: [moved('Zoë', 7), moved('a', 10), moved('e', 0)],
      exceptions: [
        left('c', equal, 15),
        left('nobody', missing, null),
        left('b', lower, 20),
        left('d', missing, 10),
      ],
      total_processed: 7,
      total_updated: 3,
      total_exceptions: 4,
    });
    expect(await countByStatus(pipeline)).toEqual({ 10: 1, 15: 4, 20: 1 });
    expect(await pipeline.undo(runId)).toMatchObject({ found: 3, updated: 3 });
    expect(await countByStatus(pipeline)).toEqual({ null: 1, 7: 1, 10: 2, 15: 1, 20: 1 });
  });

  it('with force, moves cases back from every status except the target', async () => {
    await writeCases(pipeline, [...casesOf(20, 2), ...casesOf(15, 1, 3), ...casesOf(7, 1, 4)]);
    const caseIds = [1, 2, 3, 4].map(caseId);
    const result = await bulkUpdateCaseStatus({ caseIds, newStatus: 15, force: true });
    expect(result).toMatchObject({ total_updated: 3, total_exceptions: 1, exceptions: [{ reason: equal }] });
    expect(result.updated_cases.every(({ forced }) => forced)).toBe(true);
    expect(await countByStatus(pipeline)).toEqual({ 15: 4 });
  });

  it('moves more cases than fit in one transaction', async () => {
    await writeCases(pipeline, casesOf(10, 2500));
    const caseIds = Array.from({ length: 2600 }, (_, index) => caseId(2600 - index));
    const result = await bulkUpdateCaseStatus({ caseIds, newStatus: 15 });
    expect(result).toMatchObject({ total_processed: 2600, total_updated: 2500, total_exceptions: 100 });
    expect(result.updated_cases[0]?.case_id).toBe(caseId(2500));
    expect(await countByStatus(pipeline)).toEqual({ 15: 2500 });
  });

  it('compares ids with the collation of the column', async () => {
    await writeCases(pipeline, [
      { id: 'Case A', status: 10 },
      { id: 'Straße', status: 10 },
    ]);
    // utf8mb4_0900_ai_ci ignores case and accents.
    const result = await bulkUpdateCaseStatus({ caseIds: ['CASE A', 'case a', 'strasse'], newStatus: 15 });
    expect(result.updated_cases.map((one) => one.case_id)).toEqual(['CASE A', 'strasse']);
    expect(result.total_processed).toBe(2);
    await pipeline.query(
      `ALTER TABLE ${cases} MODIFY case_id VARCHAR(100) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL`,
    );
    const exact = await bulkUpdateCaseStatus({
      caseIds: ['CASE A', 'Case A', 'Straße', '日本'],
      newStatus: 20,
    });
    expect(exact.updated_cases.map((one) => one.case_id)).toEqual(['Case A', 'Straße']);
    expect(exact.exceptions.map((one) => one.case_id)).toEqual(['CASE A', '日本']);
  });

  const stamps = {
    7: 'billable_flag_ts',
    8: 'docs_needed_ts',
    10: 'submitted_ts',
    15: 'pending_payment_ts',
    20: 'paid_to_provider_ts',
    30: 'sent_to_biller_ts',
    40: 'received_pmnt_ts',
    50: 'sent_to_negotiation_ts',
    60: 'settled_ts',
    70: 'sent_to_idr_ts',
    80: 'idr_decision_ts',
    400: 'rejected_ts',
    500: 'closed_ts',
  };

  it.each(Object.entries(stamps))(
    'to status %s sets %s to the current time and changes nothing else',
    async (status, column) => {
      await writeCases(pipeline, casesOf(0, 1));
      await bulkUpdateCaseStatus({ caseIds: [caseId(1)], newStatus: Number(status) });
      const [row] = await pipeline.query<Record<string, unknown>>(`SELECT * FROM ${cases}`);
      const filled = Object.values(stamps).filter((name) => row?.[name] !== null);
      expect(filled).toEqual([column]);
      expect(row?.['case_status']).toBe(Number(status));
      const [now] = await pipeline.query(
        `SELECT ${column} > NOW() - INTERVAL 1 MINUTE AS isNow FROM ${cases}`,
      );
      expect(now).toEqual({ isNow: 1 });
    },
  );

  it('to a status without a timestamp column sets no timestamp', async () => {
    await writeCases(pipeline, casesOf(0, 1));
    const { updated_cases: updated } = await bulkUpdateCaseStatus({ caseIds: [caseId(1)], newStatus: 25 });
    expect(updated[0]?.timestamp_updated).toBeNull();
  });

  it('refuses a status whose timestamp column is missing, and names the column', async () => {
    await writeCases(pipeline, casesOf(0, 1));
    await pipeline.query(`ALTER TABLE ${cases} DROP COLUMN rejected_ts`);
    const refused = bulkUpdateCaseStatus({ caseIds: [caseId(1)], newStatus: 400 });
    await expect(refused).rejects.toThrow('bulk_app.cases lacks rejected_ts');
    expect(await countByStatus(pipeline)).toEqual({ 0: 1 });
  });

  it.each([
    [{ caseIds: [], newStatus: 15 }],
    [{ caseIds: ['a'], newStatus: -1 }],
    [{ caseIds: ['a'], newStatus: 1.5 }],
    [{ caseIds: [''], newStatus: 15 }],
    [{ caseIds: ['x'.repeat(256)], newStatus: 15 }],
    [{ caseIds: [7 as unknown as string], newStatus: 15 }],
  ])('refuses %j', async (input) => {
    await expect(bulkUpdateCaseStatus(input)).rejects.toThrow(InputError);
  });

  it('gives the reason for a case that MySQL refuses to change, and moves the others', async () => {
    await writeCases(pipeline, casesOf(10, 20));
    await pipeline.query(`CREATE TRIGGER bulk_app.no_way BEFORE UPDATE ON ${cases} FOR EACH ROW
      BEGIN IF NEW.case_id = '${caseId(7)}' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'secret'; END IF; END`);
    const caseIds = casesOf(10, 20).map(({ id }) => id);
    const result = await bulkUpdateCaseStatus({ caseIds, newStatus: 15 });
    expect(result).toMatchObject({ total_updated: 19, total_exceptions: 1 });
    expect(result.exceptions[0]).toMatchObject({
      case_id: caseId(7),
      reason: 'Processing error: MySQL error 1644',
    });
  });

  it(
    'skips a case that someone keeps locked, gives the reason, and moves the others',
    exhaustive,
    async () => {
      await writeCases(pipeline, casesOf(10, 6));
      const holding = deferred();
      const done = deferred();
      const person = pipeline.database.session(new AbortController().signal, (session) =>
        session.transaction(async () => {
          await session.run(`UPDATE ${cases} SET pay_amount = 1 WHERE case_id = '${caseId(3)}'`);
          holding.resolve(undefined);
          await done.promise;
        }),
      );
      await holding.promise;
      const result = await bulkUpdateCaseStatus({
        caseIds: casesOf(10, 6).map(({ id }) => id),
        newStatus: 15,
      });
      done.resolve(undefined);
      await person;
      expect(result).toMatchObject({ total_updated: 5, total_exceptions: 1 });
      expect(result.exceptions[0]?.reason).toBe('Processing error: another session kept the case locked');
    },
  );

  it('reports counts and times to the metrics of its host', async () => {
    await writeCases(pipeline, casesOf(10, 2));
    const seen: unknown[] = [];
    const recorder: Metrics = {
      count: (name, labels) => seen.push([name, labels]),
      recordTiming: (name, ms, labels) => seen.push([name, ms > 0, labels]),
      recordSeconds: () => undefined,
      setGauge: () => undefined,
    };
    const of = { job_name: 'bulk-case-update' };
    await bulkUpdateCaseStatus({ caseIds: [caseId(1)], newStatus: 15 }, { recorder });
    await bulkUpdateCaseStatus({ caseIds: [caseId(1)], newStatus: 15 }, { recorder });
    expect(seen).toEqual([
      ['case_update_success', of],
      ['bulk_update_case_status', true, of],
      ['case_update_partial_failure', of],
      ['bulk_update_case_status', true, of],
    ]);
  });
});

it('getCasesWithStatus gives the active ids in order and writes nothing', async () => {
  await writeCases(pipeline, [
    ...casesOf(10, 3).reverse(),
    { id: 'inactive', status: 10, active: 0 },
    ...casesOf(15, 2, 9),
  ]);
  expect(await getCasesWithStatus(10)).toEqual([caseId(1), caseId(2), caseId(3)]);
  expect(await getCasesWithStatus(99)).toEqual([]);
  expect(await countByStatus(pipeline)).toEqual({ 10: 4, 15: 2 });
});

/** Promise.withResolvers needs Node 22. */
function deferred() {
  let resolve: (value: undefined) => void = () => undefined;
  const promise = new Promise<undefined>((yes) => {
    resolve = yes;
  });
  return { promise, resolve };
}
