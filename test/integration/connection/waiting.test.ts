import type { WorkflowFailedError } from '@temporalio/client';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { detailsWith } from '../../bed/run-details.ts';
import { casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'waiting';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
beforeEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

it(
  'a locked table is named in the run within a minute, with who holds it, and no case is given up',
  exhaustive,
  async () => {
    await writeCases(pipeline, casesOf(10, 30));
    const other = await createConnection(inject('mysqlUrl'));
    await other.query(`LOCK TABLES ${pipeline.app}.cases WRITE`);
    const startedMs = performance.now();
    const handle = await pipeline.startCases('pending-payment-update');
    const details = await detailsWith(handle, 'The lock belongs to');
    expect(performance.now() - startedMs).toBeLessThan(60_000);
    expect(details).toMatch(
      new RegExp(`The lock belongs to connection ${other.threadId} of surgicase@\\S+, idle for \\d+ s`),
    );
    expect(details).toMatch(/\| next try \| \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \|/);
    await other.end();
    expect(await handle.result()).toMatchObject({ outcome: 'moved', updated: 30, exceptions: {} });
    expect(await countByStatus(pipeline)).toEqual({ 15: 30 });
  },
);

it('a statement that the server refuses for an unknown reason is tried three times, then the run fails with its number', async () => {
  await pipeline.query(
    `CREATE TRIGGER ${name}_app.refuse BEFORE INSERT ON ${name}_app.npi_update_log FOR EACH ROW
     SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'secret value'`,
  );
  await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv([individual(1, 'SMITH', '09/15/2026')]));
  const error = await pipeline.run().catch((reason: unknown) => reason);
  await pipeline.query(`DROP TRIGGER ${name}_app.refuse`);
  const { cause } = error as WorkflowFailedError;
  expect(cause).toMatchObject({ type: 'StatementFailed', message: expect.stringContaining('MySQL 1644') });
  expect(cause?.message).not.toContain('secret value');
  expect(await pipeline.query('SELECT outcome FROM run')).toEqual([{ outcome: 'failed' }]);
  expect((await pipeline.run()).outcome).toBe('published');
});

it('a run that was terminated gets its end in the ledger from the next run of its job', async () => {
  await writeCases(pipeline, casesOf(10, 3));
  const dead = await pipeline.startCases('pending-payment-update', { limit: 1 });
  await detailsWith(dead, 'approve');
  await dead.terminate('a test');
  // The lease of the dead run expires by the database's clock.
  await pipeline.query('UPDATE lease SET expires_at = NOW(6)');
  await pipeline.runCases('pending-payment-update', { limit: 9 });
  expect(await pipeline.query('SELECT outcome, failure_type AS type FROM run ORDER BY started_at')).toEqual([
    { outcome: 'failed', type: 'Terminated' },
    { outcome: 'moved', type: null },
  ]);
});
