import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import * as host from '../../../host/index.ts';
import { startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';
import { caseId, casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { individual, npidataCsv, writeMonthly, writeWeekly } from '../../generated/release-zip.ts';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

const name = 'shadow_mode';
const remark = 'SHADOW is true: this was a dry run, and nothing was changed.';
let pipeline: Pipeline;
let worker: WorkerProcess;
const shadow = () => ({ ...pipeline.env, SHADOW: 'true' });

beforeAll(async () => {
  pipeline = await startPipeline(name, {}, { hasWorker: false });
  worker = await startWorkerProcess(shadow());
  await surgicase(['schedules', 'apply'], pipeline.env);
});
beforeEach(() => pipeline.reset());
afterAll(async () => {
  worker.child.kill('SIGTERM');
  await worker.exit;
  await pipeline.stop();
});

const providers = () => pipeline.query(`SELECT npi FROM ${name}_app.npi_data_1`);

it('a scheduled case update counts what it would have moved, and moves nothing', async () => {
  await writeCases(pipeline, casesOf(10, 7));
  const { code, out } = await surgicase(['run', 'pending-payment-update'], pipeline.env);
  expect(code).toBe(0);
  expect(out).toContain('pending-payment-update: dry run');
  expect(out).toContain('7 cases found, 10 -> 15; 0 updated');
  expect(out).toContain(remark);
  expect(await countByStatus(pipeline)).toEqual({ 10: 7 });
  expect(await pipeline.query('SELECT is_dry_run AS isDry, outcome FROM run')).toEqual([
    { isDry: 1, outcome: 'dry run' },
  ]);
});

it('a registry run reports what it would have published, and publishes nothing', async () => {
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv([individual(1, 'SMITH', '09/08/2026')]));
  expect(await pipeline.run()).toMatchObject({
    outcome: 'dry run',
    releases: [{ counts: { rows: 1, inserted: 1 } }],
    remarks: [remark],
  });
  expect([await providers(), await pipeline.query('SELECT 1 FROM npi_release')]).toEqual([[], []]);
});

it('a monthly that someone asks for is announced, not loaded', async () => {
  await writeMonthly(pipeline.site, 'September_2026', '20260913', [individual(1, 'SMITH', '09/08/2026')]);
  const { outcome, remarks } = await pipeline.run({ replace: true });
  expect(outcome).toBe('dry run');
  expect(remarks.join()).toContain('NPPES_Data_Dissemination_September_2026_V2 is due');
  expect(await providers()).toEqual([]);
});

it('an undo and the bulk update of a host are refused', async () => {
  await writeCases(pipeline, casesOf(10, 1));
  const undo = await pipeline.startWorkflow('caseUndo', { undoes: '0197a5d0-1111-7222-8333-444455556666' });
  await expect(undo.result()).rejects.toMatchObject({
    cause: { type: 'InputRefused', message: expect.stringContaining('SHADOW') },
  });
  for (const [variable, value] of Object.entries(shadow())) vi.stubEnv(variable, value);
  const update = host.bulkUpdateCaseStatus({ caseIds: [caseId(1)], newStatus: 15 });
  await expect(update).rejects.toThrow('SHADOW is true');
  vi.unstubAllEnvs();
  expect(await countByStatus(pipeline)).toEqual({ 10: 1 });
});

it('a command with SHADOW makes a dry run also on a worker without it', async () => {
  await writeCases(pipeline, casesOf(10, 3));
  const stopShadow = worker;
  stopShadow.child.kill('SIGTERM');
  await stopShadow.exit;
  worker = await startWorkerProcess(pipeline.env);
  expect((await surgicase(['run', 'pending-payment-update'], shadow())).out).toContain('dry run');
  expect(await countByStatus(pipeline)).toEqual({ 10: 3 });
});

it('a run that began before the worker became a shadow changes nothing more', async () => {
  await writeCases(pipeline, casesOf(10, 3));
  const handle = await pipeline.startCases('pending-payment-update', { limit: 1 });
  const phase = async () => (await handle.query<{ phase: string }>('progress')).phase;
  await expect.poll(phase, { timeout: 20_000 }).toBe('approval');
  worker.child.kill('SIGTERM');
  await worker.exit;
  worker = await startWorkerProcess(shadow());
  await handle.executeUpdate('approve');
  await expect(handle.result()).rejects.toMatchObject({
    cause: { type: 'InputRefused', message: expect.stringContaining('SHADOW') },
  });
  expect(await countByStatus(pipeline)).toEqual({ 10: 3 });
  expect(await pipeline.query('SELECT run_id FROM lease')).toEqual([{ run_id: null }]);
});
