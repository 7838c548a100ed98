import type { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { freePort } from '../../bed/free-port.ts';
import { openNamespace } from '../../bed/namespace.ts';
import { startWorkerProcess } from '../../crash/bed.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { startSqlProxy, type SqlProxy } from '../../bed/sql-proxy.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'worker_end';
let pipeline: Pipeline;
let proxy: SqlProxy;
/** Which statements wait, as they do behind a long rollback. */
let isHeld: (sql: string) => boolean = () => false;
let heldCount = 0;

beforeAll(async () => {
  pipeline = await startPipeline(name, {}, { hasWorker: false });
  const { hostname, port } = new URL(pipeline.env['DATABASE_URL'] ?? '');
  proxy = await startSqlProxy(
    { host: hostname, port: Number(port) },
    {
      judge: (sql) => (isHeld(sql) ? 'held' : 'pass'),
      stop: () => {
        heldCount += 1;
      },
    },
  );
});
afterAll(async () => {
  proxy.drop();
  await proxy.close();
  await pipeline.stop();
});

it('answers its probes; SIGTERM during a statement that does not end: it ends within 25 s, and the run continues on another worker', async () => {
  await writeCases(pipeline, casesOf(15, 5));
  const url = new URL(pipeline.env['DATABASE_URL'] ?? '');
  url.port = String(proxy.port);
  const health = `127.0.0.1:${await freePort()}`;
  const worker = await startWorkerProcess({
    ...pipeline.env,
    DATABASE_URL: url.href,
    HEALTH_ADDRESS: health,
  });
  const probe = async (path: string) => {
    const response = await fetch(`http://${health}${path}`);
    return [response.status, await response.text()];
  };
  expect(await probe('/readyz')).toEqual([200, 'ok\n']);
  isHeld = (sql) => sql === 'SELECT 1';
  expect(await probe('/readyz')).toEqual([503, 'A dependency did not answer within 2 s.\n']);
  expect(await probe('/livez')).toEqual([200, 'ok\n']);
  isHeld = () => false;
  proxy.drop();
  expect(await probe('/readyz')).toEqual([200, 'ok\n']);
  heldCount = 0;
  isHeld = (sql) => sql.startsWith('UPDATE case_move') || sql.startsWith('KILL') || sql === 'ROLLBACK';
  const handle = await pipeline.startCases('paid-update');
  await expect.poll(() => heldCount, { timeout: 20_000 }).toBeGreaterThan(0);
  const startedMs = performance.now();
  worker.child.kill('SIGTERM');
  await worker.exit;
  expect(performance.now() - startedMs).toBeLessThan(25_000);
  expect(worker.child.exitCode).toBe(0);
  expect(worker.lines()).not.toMatch(/stopped for good|bug/);
  isHeld = () => false;
  proxy.drop();
  const next = await startWorkerProcess(pipeline.env);
  expect(await handle.result()).toMatchObject({ outcome: 'moved', updated: 5 });
  next.child.kill('SIGTERM');
  await next.exit;
});

it(
  'a worker whose namespace is deleted ends with 3, so that a supervisor starts it again',
  exhaustive,
  async () => {
    const namespace = `${name}_deleted`;
    const { connection } = await openNamespace(inject('temporalAddress'), namespace);
    const worker = await startWorkerProcess({ ...pipeline.env, TEMPORAL_NAMESPACE: namespace });
    const own = connection as Connection;
    await own.operatorService.deleteNamespace({ namespace });
    await own.close();
    await worker.exit;
    expect(worker.child.exitCode).toBe(3);
    expect(worker.lines()).toContain(`The namespace ${namespace} no longer exists in Temporal`);
  },
);
