import { WorkflowFailedError } from '@temporalio/client';
import { escape } from 'mysql2';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { staticCredentials } from '../../../db/connection/credentials.ts';
import { connect } from '../../../db/connection/pool.ts';
import { migrate } from '../../../db/schema/migrate.ts';
import { startOwnMysql, type OwnMysql } from '../../bed/own-mysql.ts';
import { exhaustive } from '../../bed/extent.ts';
import { linesOf } from '../../bed/npi-tables.ts';
import { forever, startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import {
  individual,
  npidataCsv,
  organization,
  stub,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';
import type { Lines } from '../../models/npi-model.ts';

// A server of its own, because the settings are global.
let startCount = 0;
let mysql: OwnMysql;
let admin: Connection;
let usual: Promise<unknown> | undefined;

beforeAll(async () => {
  // Production writes a binary log; the embedded server does not.
  mysql = await startOwnMysql(['--log-bin=binlog', '--server-id=1']);
  admin = await createConnection({ uri: mysql.url, supportBigNumbers: true });
});
afterAll(async () => {
  await admin.end();
  await mysql.stop();
});

/** Each pipeline has schemas and a namespace of its own. */
async function start(): Promise<{ readonly name: string; readonly pipeline: Pipeline }> {
  startCount += 1;
  const name = `settings_${startCount}`;
  return { name, pipeline: await startPipeline(name, { DATABASE_URL: `${mysql.url}${name}_app` }) };
}

/** Creates all tables, then runs a weekly, a case update and a monthly. Returns what they leave behind. */
async function everyJob(): Promise<{
  readonly lines: Lines;
  readonly cases: unknown;
  readonly collations: unknown;
}> {
  const { name, pipeline } = await start();
  try {
    await week(pipeline, '20260914-20260920', 'FIRST');
    expect((await pipeline.run()).outcome).toBe('published');
    await week(pipeline, '20260921-20260927', 'SECOND');
    expect((await pipeline.run()).outcome).toBe('published');
    await writeCases(pipeline, casesOf(10, 40));
    expect((await pipeline.runCases('pending-payment-update')).updated).toBe(40);
    await writeMonthly(pipeline.site, 'October_2026', '20261011', [
      ...rows('THIRD'),
      individual(9999, 'ŁUKASZ', '10/01/2026'),
    ]);
    expect((await pipeline.run()).outcome).toBe('published');
    const open = await pipeline.query('SELECT run_id FROM run WHERE finished_at IS NULL');
    const held = await pipeline.query('SELECT job FROM lease WHERE run_id IS NOT NULL');
    expect([open, held]).toEqual([[], []]);
    const collations = await pipeline.query(
      `SELECT table_name AS name, table_collation AS collation FROM information_schema.tables
       WHERE table_type = 'BASE TABLE' AND table_schema IN ('${name}_app', '${name}_search', '${name}_own') ORDER BY table_schema, table_name`,
    );
    return { lines: await linesOf(name, pipeline), cases: await countByStatus(pipeline), collations };
  } finally {
    await pipeline.stop();
  }
}

const long = 'X'.repeat(55);

/** More than 2 MB, so one block does not fit into a small packet. */
function rows(lastName: string) {
  const wide = {
    'Provider First Line Business Mailing Address': long,
    'Provider Second Line Business Mailing Address': long,
    'Provider Second Line Business Practice Location Address': long,
    'Provider Other Organization Name': long,
  };
  return [
    ...Array.from({ length: 1500 }, (_, i) => individual(i, `${lastName}${i % 7}`, '09/15/2026', wide)),
    organization(5000, `${lastName} HOSPITAL`, '09/15/2026'),
    stub(5001, '09/16/2026'),
  ];
}

const week = ({ site }: Pipeline, period: string, lastName: string) =>
  writeWeekly(site, period, npidataCsv(rows(lastName)));

// A few groups, because each takes half a minute. To find the setting that breaks a group, halve it.
const groups = [
  {
    autocommit: 'OFF',
    completion_type: 'RELEASE',
    default_collation_for_utf8mb4: 'utf8mb4_general_ci',
    default_storage_engine: 'MyISAM',
    sql_mode: 'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH',
    sql_safe_updates: 'ON',
    time_zone: '+09:00',
    transaction_isolation: 'SERIALIZABLE',
    transaction_read_only: 'ON',
  },
  {
    group_concat_max_len: 4,
    max_execution_time: 20,
    max_join_size: 10,
    sql_generate_invisible_primary_key: 'ON',
    sql_require_primary_key: 'ON',
    sql_select_limit: 50,
  },
  { local_infile: 'ON', max_allowed_packet: 1 << 20 },
  { local_infile: 'OFF', max_allowed_packet: 1 << 20 },
];

it.each(groups)(
  'with the server settings %o, every job leaves the same tables',
  exhaustive,
  async (settings) => {
    usual ??= everyJob();
    const expected = await usual;
    await withGlobals(settings, async () => expect(await everyJob()).toEqual(expected));
  },
);

/** mysql2 returns a number that JavaScript cannot represent as text. */
const literal = (value: unknown) => (/^\d+$/.test(String(value)) ? String(value) : escape(value as string));

async function withGlobals(
  settings: Readonly<Record<string, unknown>>,
  work: () => Promise<void>,
): Promise<void> {
  const names = Object.keys(settings);
  const [[before]] = (await admin.query(
    `SELECT ${names.map((setting) => `@@GLOBAL.${setting} AS ${setting}`).join(', ')}`,
  )) as unknown as [[Readonly<Record<string, unknown>>]];
  try {
    for (const setting of names) await admin.query(`SET GLOBAL ${setting} = ${literal(settings[setting])}`);
    await work();
  } finally {
    for (const setting of names) await admin.query(`SET GLOBAL ${setting} = ${literal(before[setting])}`);
  }
}

const failureOf = async (run: Promise<unknown>): Promise<{ type?: string; message: string }> => {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return (error instanceof WorkflowFailedError ? error.cause : error) as { message: string };
};

it.each([
  ['max_allowed_packet', 1 << 19, 'max_allowed_packet is 524288; set it to at least 1048576'],
  ['binlog_format', 'STATEMENT', 'binlog_format is STATEMENT; set it to ROW or MIXED'],
  ['max_user_connections', 5, 'this login may have only 5 connections; allow at least 8'],
])('%s = %s is named before anything begins', async (setting, value, words) => {
  const { pipeline } = await start();
  try {
    await week(pipeline, '20260914-20260920', 'FIRST');
    await writeCases(pipeline, casesOf(10, 4));
    await withGlobals({ [setting]: value }, async () => {
      await endConnections();
      expect(await failureOf(pipeline.run())).toMatchObject({
        type: 'DatabaseNotReady',
        message: expect.stringContaining(words),
      });
      expect(await failureOf(pipeline.runCases('pending-payment-update'))).toMatchObject({
        type: 'CasesNotReady',
        message: expect.stringContaining(words),
      });
    });
    expect(await countByStatus(pipeline)).toEqual({ 10: 4 });
  } finally {
    await pipeline.stop();
  }
});

/** Ends the connections of now, a busy one as soon as it is idle. The next ones see the settings of now. */
async function endConnections(): Promise<void> {
  const others = `SELECT id, command FROM information_schema.processlist
    WHERE id <> CONNECTION_ID() AND command <> 'Daemon' AND id <= ?`;
  const [[newest]] = (await admin.query(
    'SELECT MAX(id) AS id FROM information_schema.processlist',
  )) as unknown as [[{ readonly id: number }]];
  const left = async () => {
    const [threads] = await admin.query(others, [newest.id]);
    const connections = threads as { readonly id: number; readonly command: string }[];
    for (const { id, command } of connections) {
      // The worker may close it first.
      if (command === 'Sleep') await admin.query('KILL ?', [id]).catch(() => undefined);
    }
    return connections.length;
  };
  await expect.poll(left, { timeout: 30_000 }).toBe(0);
}

it('names what a login lacks, and what to do', async () => {
  const { hostname, port } = new URL(mysql.url);
  const migrateAs = async (user: string) => {
    const credentials = staticCredentials({ user, password: 'secret' });
    const database = connect({ host: hostname, port: Number(port), schema: 'refused_own', credentials });
    const schemas = { application: 'refused_app', search: 'refused_search', scheduler: 'refused_own' };
    const failure = await failureOf(migrate(database, schemas, forever));
    await database.close();
    return failure;
  };
  await admin.query("CREATE USER expired IDENTIFIED BY 'secret' PASSWORD EXPIRE");
  await admin.query("CREATE USER locked IDENTIFIED BY 'secret' ACCOUNT LOCK");
  await admin.query("CREATE USER tls IDENTIFIED BY 'secret' REQUIRE SSL");
  await admin.query("CREATE USER plain IDENTIFIED BY 'secret'");
  await admin.query("CREATE USER hourly IDENTIFIED BY 'secret' WITH MAX_QUERIES_PER_HOUR 1");
  expect(await migrateAs('expired')).toMatchObject({
    code: 'DatabaseRefused',
    message: expect.stringContaining('Set a new password'),
  });
  expect(await migrateAs('locked')).toMatchObject({
    code: 'DatabaseRefused',
    message: expect.stringContaining('3118'),
  });
  expect(await migrateAs('hourly')).toMatchObject({
    code: 'DatabaseUnreachable',
    message: expect.stringContaining('Raise it with ALTER USER'),
  });
  expect(await migrateAs('tls')).toMatchObject({
    code: 'DatabaseRefused',
    message: expect.stringContaining('1045'),
  });
  await withGlobals({ require_secure_transport: 'ON' }, async () =>
    expect(await migrateAs('plain')).toMatchObject({
      code: 'DatabaseRefused',
      message: expect.stringContaining('The server accepts only TLS'),
    }),
  );
});
