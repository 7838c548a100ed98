import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, inject, it, vi } from 'vitest';
import type { CaseUpdateResult } from '../../../contract/workflows.ts';
import { firstBatchCases } from '../../../db/cases/batch-size.ts';
import { moveSelected } from '../../../db/cases/move.ts';
import { freezeList } from '../../../db/cases/selection.ts';
import type { Database } from '../../../db/connection/pool.ts';
import { bulkUpdateCaseStatus } from '../../../host/index.ts';
import { caseId, casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { forever, startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { startSqlProxy } from '../../bed/sql-proxy.ts';
import { exhaustive } from '../../bed/extent.ts';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('race');
});
afterAll(() => pipeline.stop());
beforeEach(() => pipeline.reset());

it('two concurrent runs wait for each other and move each case once', exhaustive, async () => {
  await writeCases(pipeline, casesOf(10, 2500));
  const both = [pipeline.runCases('pending-payment-update'), pipeline.runCases('pending-payment-update')];
  const updated = (await Promise.all(both)).map((result) => result.updated).sort((a, b) => a - b);
  expect(updated).toEqual([0, 2500]);
  expect(await countByStatus(pipeline)).toEqual({ 15: 2500 });
  expect(await pipeline.query("SELECT COUNT(*) AS moves FROM case_move WHERE state = 'moved'")).toEqual([
    { moves: 2500 },
  ]);
});

it('overwrites no change of 200 people who work during the run', async () => {
  const [total, people, rounds] = [20_000, 200, 20];
  await writeCases(pipeline, casesOf(10, total));
  await pipeline.query('UPDATE race_app.cases SET pay_amount = 0');
  const administrator = await createConnection(inject('mysqlUrl'));
  await administrator.query('SET GLOBAL max_connections = 400');
  const desks: Connection[] = [];
  for (let person = 0; person < people; person += 1) desks.push(await createConnection(inject('mysqlUrl')));
  const handle = await pipeline.startCases('pending-payment-update');
  // Spread over all cases, so that some people are faster than the run and some are slower.
  await Promise.all(
    desks.map(async (desk, person) => {
      const id = caseId(1 + (person * total) / people);
      for (let round = 0; round < rounds; round += 1) {
        await desk.query('UPDATE race_app.cases SET pay_amount = pay_amount + 1 WHERE case_id = ?', [id]);
      }
      await desk.query('UPDATE race_app.cases SET case_status = 30 WHERE case_id = ?', [id]);
    }),
  );
  const result = await handle.result();
  await Promise.all(desks.map((desk) => desk.end()));
  await administrator.end();
  expect(await countByStatus(pipeline)).toEqual({ 15: total - people, 30: people });
  const [sums] = await pipeline.query('SELECT SUM(pay_amount) AS paid FROM race_app.cases');
  expect(sums).toEqual({ paid: `${people * rounds}.00` });
  // A case that changed before the selection is not in it. A case that changed after its move is not an exception.
  const { found, updated, exceptions } = result as CaseUpdateResult;
  expect(found).toBeGreaterThanOrEqual(total - people);
  expect(updated + (exceptions['Cannot update to lower status without force=true'] ?? 0)).toBe(found);
  expect(await pipeline.query("SELECT COUNT(*) AS moves FROM case_move WHERE state = 'moved'")).toEqual([
    { moves: updated },
  ]);
});

it('halves a batch whose lock wait timed out', async () => {
  await writeCases(pipeline, casesOf(10, 300));
  const schemas = { application: 'race_app', search: 'race_search', scheduler: 'race_own' };
  const selection = {
    runId: 'halves',
    caseIds: casesOf(10, 300).map(({ id }) => id),
    target: 15,
    isForced: false,
  };
  await pipeline.database.session(forever, (session) => freezeList(session, schemas, selection));
  const person = await createConnection(inject('mysqlUrl'));
  await person.beginTransaction();
  await person.query(`UPDATE race_app.cases SET pay_amount = 1 WHERE case_id = '${caseId(1)}'`);
  let timeouts = 0;
  const database: Database = {
    ...pipeline.database,
    session: (signal, use) =>
      pipeline.database.session(signal, (session) =>
        use({
          ...session,
          transaction: (work) =>
            session.transaction(work).catch(async (error: unknown) => {
              // The person saves after the second batch has given up.
              if ((timeouts += 1) === 2) await person.commit();
              throw error;
            }),
        }),
      ),
  };
  const doneAfter: number[] = [];
  const { moved, exceptions } = await moveSelected(
    database,
    schemas,
    { runId: 'halves', onProgress: (counts) => doneAfter.push(counts.moved) },
    forever,
  );
  await person.end();
  expect({ timeouts, moved, exceptions, firstBatch: doneAfter[0] }).toEqual({
    timeouts: 2,
    moved: 300,
    exceptions: 0,
    firstBatch: firstBatchCases / 4,
  });
  expect(await countByStatus(pipeline)).toEqual({ 15: 300 });
});

it.each(['before', 'after'] as const)(
  'a connection lost %s the commit of a bulk update causes no lost and no repeated move',
  async (moment) => {
    await writeCases(pipeline, casesOf(10, 100));
    const url = new URL(pipeline.env['DATABASE_URL'] ?? '');
    let isMoving = false;
    const proxy = await startSqlProxy(
      { host: url.hostname, port: Number(url.port) },
      {
        judge: (sql) => {
          if (sql.startsWith('UPDATE case_move')) isMoving = true;
          const isCommit = isMoving && sql === 'COMMIT';
          if (isCommit) isMoving = false;
          return isCommit ? moment : 'pass';
        },
        stop: () => proxy.drop(),
      },
    );
    url.port = String(proxy.port);
    for (const [name, value] of Object.entries({ ...pipeline.env, DATABASE_URL: url.href }))
      vi.stubEnv(name, value);
    try {
      const caseIds = casesOf(10, 100).map(({ id }) => id);
      const result = await bulkUpdateCaseStatus({ caseIds, newStatus: 15 });
      expect(result).toMatchObject({ total_updated: 100, total_exceptions: 0 });
      expect(await countByStatus(pipeline)).toEqual({ 15: 100 });
      const [run] = await pipeline.query('SELECT moved_count, exception_count FROM case_run');
      expect(run).toEqual({ moved_count: 100, exception_count: 0 });
    } finally {
      vi.unstubAllEnvs();
      // The bulk update keeps its connection for the next call.
      proxy.drop();
      await proxy.close();
    }
  },
);
