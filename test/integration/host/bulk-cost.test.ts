import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { bulkUpdateCaseStatus, getCasesWithStatus } from '../../../host/index.ts';
import { caseId, casesOf, writeCases } from '../../generated/cases.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { startSqlProxy, type SqlProxy } from '../../bed/sql-proxy.ts';

let pipeline: Pipeline;
let proxy: SqlProxy;
/** The statements of the host, in order. */
let sent: string[] = [];

beforeAll(async () => {
  pipeline = await startPipeline('bulk_cost', {}, { hasWorker: false });
  const url = new URL(pipeline.env['DATABASE_URL'] ?? '');
  const judge = (sql: string) => {
    sent.push(sql);
    return 'pass' as const;
  };
  proxy = await startSqlProxy(
    { host: url.hostname, port: Number(url.port) },
    { judge, stop: () => undefined },
  );
  url.port = String(proxy.port);
  for (const [name, value] of Object.entries({ ...pipeline.env, DATABASE_URL: url.href }))
    vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  proxy.drop();
  await proxy.close();
  await pipeline.stop();
});
beforeEach(() => pipeline.reset());

/** What a call sends. Each new connection asks for its own number once. */
async function costOf(call: () => Promise<unknown>) {
  sent = [];
  await call();
  const having = (text: string) => sent.filter((sql) => sql.includes(text)).length;
  return {
    statements: sent.length,
    connections: having('CONNECTION_ID()'),
    schemaReads: having('FROM information_schema'),
  };
}

const move = (...caseIds: string[]) => bulkUpdateCaseStatus({ caseIds, newStatus: 15 });
const idsOf = (count: number, first: number) => casesOf(10, count, first).map(({ id }) => id);

// A statement that takes longer than 750 ms on a busy machine is watched on another connection; then it is tried again.
it('costs one connection at first and then none, and never reads the schema', { retry: 3 }, async () => {
  await writeCases(pipeline, casesOf(10, 3000));
  expect(await costOf(() => move(caseId(1)))).toEqual({ statements: 30, connections: 1, schemaReads: 0 });
  expect(await costOf(() => move(caseId(2)))).toEqual({ statements: 25, connections: 0, schemaReads: 0 });
  // A case that has the status already costs four statements more: a count, a lock, another try and the reason.
  const again = await costOf(() => move(caseId(2), caseId(3)));
  expect(again).toEqual({ statements: 29, connections: 0, schemaReads: 0 });
  expect(await costOf(() => move(...idsOf(2500, 4)))).toMatchObject({ connections: 0, schemaReads: 0 });
  expect(await costOf(() => getCasesWithStatus(10))).toEqual({
    statements: 2,
    connections: 0,
    schemaReads: 0,
  });
});

it('names everything that is missing, which only then reads the schema', async () => {
  await writeCases(pipeline, casesOf(10, 1));
  await pipeline.query('RENAME TABLE bulk_cost_own.case_move TO bulk_cost_own.case_move_away');
  await expect(move(caseId(1))).rejects.toThrow('missing tables: bulk_cost_own.case_move');
  await pipeline.query('RENAME TABLE bulk_cost_own.case_move_away TO bulk_cost_own.case_move');
  await pipeline.query(
    'ALTER TABLE bulk_cost_app.cases DROP COLUMN pending_payment_ts, DROP COLUMN paid_to_provider_ts',
  );
  await expect(move(caseId(1))).rejects.toThrow('bulk_cost_app.cases lacks pending_payment_ts');
  await pipeline.query('DROP TABLE bulk_cost_app.cases');
  await expect(move(caseId(1))).rejects.toThrow('missing tables: bulk_cost_app.cases');
});

it('leaves process.env of the host as it is, and lets a host without other work end', async () => {
  await writeCases(pipeline, casesOf(10, 2));
  const folder = mkdtempSync(join(tmpdir(), 'surgicase-host-'));
  const variables = Object.entries(pipeline.env).map(([name, value]) => `${name}="${value}"`);
  writeFileSync(join(folder, '.env'), variables.join('\n'));
  const host = `import { bulkUpdateCaseStatus } from ${JSON.stringify(new URL('../../../dist/host/index.js', import.meta.url))};
    const before = JSON.stringify(process.env);
    for (const id of ${JSON.stringify(idsOf(2, 1))})
      console.log((await bulkUpdateCaseStatus({ caseIds: [id], newStatus: 15 })).total_updated);
    console.log(before === JSON.stringify(process.env));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', host], {
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    timeout: 30_000,
  });
  rmSync(folder, { recursive: true });
  expect(stdout).toBe('1\n1\ntrue\n');
});
