import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { secretsManager } from '../../bed/secrets-manager.ts';
import { startSqlProxy, type SqlProxy } from '../../bed/sql-proxy.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';

const user = 'rotating';
let pipeline: Pipeline;
let proxy: SqlProxy;
let worker: WorkerProcess | undefined;
let aws: Awaited<ReturnType<typeof secretsManager>>;
/** The answers of Secrets Manager, one after the other; the last one stays. */
let passwords = ['old-word'];
let blocks = 0;
let onBlock: (block: number) => void = () => undefined;

beforeAll(async () => {
  pipeline = await startPipeline('rotation_load', {}, { hasWorker: false });
  const { hostname, port } = new URL(pipeline.env['DATABASE_URL'] ?? '');
  const judge = (sql: string) => {
    if (sql.trim().startsWith('LOAD DATA LOCAL')) onBlock((blocks += 1));
    return 'pass' as const;
  };
  proxy = await startSqlProxy({ host: hostname, port: Number(port) }, { judge, stop: () => undefined });
  await pipeline.query(`CREATE USER ${user} IDENTIFIED BY 'old-word'`);
  await pipeline.query(`GRANT ALL ON *.* TO ${user}`);
  aws = await secretsManager(() => {
    const [password, ...later] = passwords;
    if (later.length > 0) passwords = later;
    return [200, { SecretString: JSON.stringify({ username: user, password }) }];
  });
  const { DATABASE_URL: _, ...env } = pipeline.env;
  const ofAws = ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_ENDPOINT_URL'];
  worker = await startWorkerProcess({
    ...env,
    ...Object.fromEntries(ofAws.map((name) => [name, process.env[name]])),
    DB_SECRET_ID: 'rds!cluster',
    DB_HOST: '127.0.0.1',
    DB_PORT: String(proxy.port),
    DB_NAME: pipeline.app,
  });
});
afterAll(async () => {
  worker?.child.kill('SIGTERM');
  await worker?.exit;
  vi.unstubAllEnvs();
  aws.server.close();
  proxy.drop();
  await proxy.close();
  await pipeline.query(`DROP USER ${user}`);
  await pipeline.stop();
});

it('a load continues after a rotation that reaches the secret later than the server, and that breaks its connections', async () => {
  const rows = Array.from({ length: 12_000 }, (_, index) => individual(index + 1, 'SMITH', '09/01/2026'));
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv(rows));
  const rotated = new Promise<void>((resolve, reject) => {
    onBlock = (block) => {
      if (block !== 2) return;
      passwords = ['old-word', 'old-word', 'new-word'];
      pipeline
        .query(`ALTER USER ${user} IDENTIFIED BY 'new-word'`)
        .then(() => proxy.drop())
        .then(resolve, reject);
    };
  });
  const asked = aws.askedCount();
  const handle: WorkflowHandle = await pipeline.start();
  await rotated;
  expect(await handle.result()).toMatchObject({ outcome: 'published' });
  expect(await pipeline.query(`SELECT COUNT(*) AS providers FROM ${pipeline.app}.npi_data_1`)).toEqual([
    { providers: 12_000 },
  ]);
  expect(aws.askedCount() - asked).toBeGreaterThanOrEqual(3);
  expect(worker?.lines()).not.toMatch(/(old|new)-word|SecretRefused|DatabaseRefused/);
});
