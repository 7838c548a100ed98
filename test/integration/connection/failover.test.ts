import type { WorkflowHandle } from '@temporalio/client';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startOwnMysql, type OwnMysql } from '../../bed/own-mysql.ts';
import { linesOf } from '../../bed/npi-tables.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { detailsWith } from '../../bed/run-details.ts';
import { secretsManager } from '../../bed/secrets-manager.ts';
import { startSqlProxy, type SqlProxy } from '../../bed/sql-proxy.ts';
import { casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import {
  individual,
  npidataCsv,
  organization,
  stub,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';
import { sampleOf } from '../../bed/extent.ts';

// A server of its own: super_read_only is global.
const caseCount = 3000;
let mysql: OwnMysql;
let admin: Connection;
let proxy: SqlProxy;
let happens: { readonly at: RegExp; readonly what: () => void } | undefined;

beforeAll(async () => {
  mysql = await startOwnMysql();
  admin = await createConnection(mysql.url);
  const { hostname, port } = new URL(mysql.url);
  proxy = await startSqlProxy(
    { host: hostname, port: Number(port) },
    {
      judge: (sql) => {
        const now = happens?.at.test(sql) ? happens.what : undefined;
        if (now) happens = undefined;
        now?.();
        return 'pass';
      },
      stop: () => undefined,
    },
  );
});
afterAll(async () => {
  proxy.drop();
  await proxy.close();
  await admin.end();
  await mysql.stop();
});

/** Resolves when a statement like `at` has reached the server. */
const reached = (at: RegExp) =>
  new Promise<void>((resolve) => {
    happens = { at, what: resolve };
  });

/** What can be running, the statement in its middle, and what it leaves behind. */
const runs = [
  {
    what: 'monthly',
    middle: /ADD KEY/,
    prepare: async ({ site }: Pipeline) => {
      await writeMonthly(site, 'September_2026', '20260913', rows);
    },
    begin: (pipeline: Pipeline) => pipeline.start(),
    left: (pipeline: Pipeline) => linesOf(pipeline.app.replace('_app', ''), pipeline),
  },
  {
    what: 'weekly',
    middle: /LOAD DATA LOCAL INFILE 'block'/,
    prepare: async ({ site }: Pipeline) => {
      await writeWeekly(site, '20260914-20260920', npidataCsv(rows));
    },
    begin: (pipeline: Pipeline) => pipeline.start(),
    left: (pipeline: Pipeline) => linesOf(pipeline.app.replace('_app', ''), pipeline),
  },
  {
    what: 'case update',
    middle: /UPDATE.*case_move/s,
    prepare: (pipeline: Pipeline) => writeCases(pipeline, casesOf(10, caseCount)),
    begin: (pipeline: Pipeline) => pipeline.startCases('pending-payment-update'),
    left: async (pipeline: Pipeline) => ({
      cases: await countByStatus(pipeline),
      ledger: await pipeline.query('SELECT state, COUNT(*) AS cases FROM case_move GROUP BY state'),
      counted: await pipeline.query('SELECT moved_count, exception_count FROM case_run'),
    }),
  },
];
const rows = [
  ...Array.from({ length: 200 }, (_, i) => individual(i, `NAME${i % 9}`, '09/15/2026')),
  organization(900, 'MERCY', '09/15/2026'),
  stub(901, '09/16/2026'),
];

async function undisturbed(
  pipeline: Pipeline,
  { prepare, begin, left }: (typeof runs)[number],
): Promise<unknown> {
  await pipeline.reset();
  await prepare(pipeline);
  await (await begin(pipeline)).result();
  const found = await left(pipeline);
  await pipeline.reset();
  await prepare(pipeline);
  return found;
}

async function expectClosed(pipeline: Pipeline): Promise<void> {
  expect(await pipeline.query('SELECT job FROM run WHERE finished_at IS NULL')).toEqual([]);
  expect(await pipeline.query('SELECT job FROM lease WHERE run_id IS NOT NULL')).toEqual([]);
}

describe('a failover', () => {
  let pipeline: Pipeline;
  beforeAll(async () => {
    const url = new URL(mysql.url);
    url.port = String(proxy.port);
    pipeline = await startPipeline('failover', { DATABASE_URL: `${url.href}failover_app` });
  });
  afterAll(() => pipeline.stop());

  it.each(sampleOf(runs, 1))(
    'in a $what: read-only, then dead connections, then a new server',
    async (run) => {
      const usual = await undisturbed(pipeline, run);
      const isInTheMiddle = reached(run.middle);
      const handle: WorkflowHandle = await run.begin(pipeline);
      await isInTheMiddle;
      await admin.query('SET GLOBAL super_read_only = ON');
      await detailsWith(handle, 'Is this a reader endpoint?');
      proxy.freeze();
      await admin.query('SET GLOBAL super_read_only = OFF, GLOBAL read_only = OFF');
      await handle.result();
      expect(await run.left(pipeline)).toEqual(usual);
      await expectClosed(pipeline);
    },
  );
});

describe('a rotation', () => {
  let pipeline: Pipeline;
  let password = 'first';
  beforeAll(async () => {
    await secretsManager(() => [200, { SecretString: JSON.stringify({ username: 'app', password }) }]);
    await admin.query("CREATE USER app IDENTIFIED BY 'first'");
    await admin.query('GRANT ALL ON *.* TO app');
    pipeline = await startPipeline('rotation', {
      DATABASE_URL: '',
      DB_SECRET_ID: 'rds!cluster',
      DB_HOST: '127.0.0.1',
      DB_PORT: String(proxy.port),
      DB_NAME: 'rotation_app',
    });
  });
  afterAll(() => pipeline.stop());

  it.each(sampleOf(runs, 1))(
    'in a $what: the server knows the new password before the secret has it',
    async (run) => {
      const usual = await undisturbed(pipeline, run);
      const isInTheMiddle = reached(run.middle);
      const handle: WorkflowHandle = await run.begin(pipeline);
      await isInTheMiddle;
      const next = `${password} again`;
      await admin.query('ALTER USER app IDENTIFIED BY ?', [next]);
      proxy.drop();
      // The delay of Secrets Manager, not a wait of the test.
      setTimeout(() => {
        password = next;
      }, 2500);
      await handle.result();
      expect(await run.left(pipeline)).toEqual(usual);
      await expectClosed(pipeline);
    },
  );
});
