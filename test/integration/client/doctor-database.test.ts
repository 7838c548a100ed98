import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnose } from '../../../client/doctor/doctor.ts';
import { readConfig } from '../../../config/config.ts';
import { migrate } from '../../../db/schema/migrate.ts';
import { createLog } from '../../../telemetry/log.ts';
import { openDatabase, schemasOf } from '../../../worker/database.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startOwnMysql, type OwnMysql } from '../../bed/own-mysql.ts';
import { forever } from '../../bed/pipeline.ts';
import { startSqlProxy } from '../../bed/sql-proxy.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';

// A server of its own, because most faults are global settings.
describe('doctor', exhaustive, () => {
  const app = 'ill_app';
  let server: OwnMysql;
  let admin: Connection;
  let env: Record<string, string>;

  beforeAll(async () => {
    server = await startOwnMysql(['--log-bin=binlog', '--server-id=1', '--local-infile=ON']);
    admin = await createConnection(server.url);
    env = {
      DATABASE_URL: `${server.url}${app}`,
      SEARCH_SCHEMA: 'ill_search',
      SCHEDULER_SCHEMA: 'ill_own',
      NPPES_URL: 'http://127.0.0.1:9/',
    };
    const config = readConfig(env);
    if (!config.database) throw new Error('DATABASE_URL gave no database.');
    const setup = { config, database: config.database, log: createLog(config.log, () => undefined) };
    const database = openDatabase(setup);
    await migrate(database, schemasOf(setup), forever);
    await writeCases({ database, app }, casesOf(10, 1));
    await database.close();
    await admin.query("CREATE USER limited IDENTIFIED BY 'secret'");
    await admin.query("CREATE USER tls IDENTIFIED BY 'secret' REQUIRE SSL");
  });
  afterAll(async () => {
    await admin.end();
    await server.stop();
  });

  const ofOthers = new Set(['temporal', 'cms', 'work-folder', 'archive-folder']);

  /** The lines about the database that are not `ok`. */
  async function faults(more: Record<string, string> = {}): Promise<string[]> {
    const variables = { ...env, ...more };
    const lines = await diagnose({ read: () => readConfig(variables), variables, folder: '/' });
    return lines
      .filter(
        ({ check, state, text }) => state !== 'ok' && !ofOthers.has(check) && !text.includes('`temporal`'),
      )
      .map(({ check, state, text, fix }) => `${state} ${check}: ${text} ${fix ?? ''}`.trim());
  }

  const as = (user: string, password = 'secret', at = env['DATABASE_URL'] ?? '') =>
    Object.assign(new URL(at), { username: user, password }).href;

  async function withGlobal(name: string, value: string | number, words: RegExp): Promise<void> {
    const [[before]] = (await admin.query(`SELECT @@GLOBAL.${name} AS value`)) as unknown as [
      [{ value: string }],
    ];
    await admin.query(`SET GLOBAL ${name} = ?`, [value]);
    try {
      const lines = await faults();
      expect(lines[0]).toMatch(words);
      expect(lines.slice(1).filter((line) => !line.includes('the fault of `server-settings`'))).toEqual([]);
    } finally {
      await admin.query(`SET GLOBAL ${name} = ${before.value}`);
    }
  }

  it('finds no fault in a good database', async () => expect(await faults()).toEqual([]));

  it('finds a wrong password, and a login and a server that accept only TLS', async () => {
    const refused =
      /^wrong database: MySQL 1045 .*Correct user and password in DATABASE_URL\..*only TLS: add \?ssl-ca/;
    const [password, ...others] = await faults({ DATABASE_URL: as('limited', 'wrong') });
    expect(password).toMatch(refused);
    expect(new Set(others.map((line) => line.replace(/^not checked [\w-]+: /, '')))).toEqual(
      new Set(['because of the fault of `database`']),
    );
    expect((await faults({ DATABASE_URL: as('tls') }))[0]).toMatch(refused);
    await admin.query('SET GLOBAL require_secure_transport = ON');
    const [secure] = await faults({ DATABASE_URL: as('limited') });
    await admin.query('SET GLOBAL require_secure_transport = OFF');
    expect(secure).toMatch(/^wrong database: MySQL 3159 .*accepts only TLS\. Add \?ssl-ca/);
  });

  it('finds each missing right, with the GRANT that gives it, also through a role', async () => {
    const DATABASE_URL = as('limited');
    expect((await faults({ DATABASE_URL }))[0]).toMatch(
      /^wrong database: MySQL 1044 .*`surgicase db grants`/,
    );
    await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${app}.* TO limited`);
    await admin.query(`GRANT SELECT, INSERT, UPDATE ON ill_search.* TO limited`);
    await admin.query(`CREATE ROLE scheduler`);
    await admin.query(`GRANT ALL ON ill_own.* TO scheduler`);
    await admin.query(`GRANT scheduler TO limited`);
    await admin.query(`SET DEFAULT ROLE ALL TO limited`);
    expect(await faults({ DATABASE_URL, NPI_BASELINE: 'never' })).toEqual([
      "wrong rights: 'limited'@'%' lacks DELETE on ill_search.*. As an administrator, run: GRANT DELETE ON ill_search.* TO 'limited'@'%';",
      ...[
        'registry-tables',
        'registry-rows',
        'cases-table',
        'local-infile',
        'archive-files',
        'other-loader',
      ].map((check) => `not checked ${check}: because of the fault of \`rights\``),
    ]);
    await admin.query(`GRANT DELETE, CREATE, ALTER, DROP ON ill_search.* TO limited`);
    const forMonthly = await faults({ DATABASE_URL });
    expect(forMonthly).toHaveLength(3);
    expect(forMonthly[0]).toMatch(
      /^wrong rights-for-monthly: .* lacks CREATE, ALTER, DROP on ill_app.npi_data_0.*NPI_BASELINE=never/,
    );
  });

  it('finds settings of the server', async () => {
    await withGlobal('local_infile', 'OFF', /^warning local-infile: .*SET GLOBAL local_infile = ON/);
    await withGlobal(
      'max_binlog_cache_size',
      1 << 24,
      /^wrong binary-log: max_binlog_cache_size is 16777216\..*SET GLOBAL max_binlog_cache_size/,
    );
    await withGlobal(
      'read_only',
      'ON',
      /^wrong server-settings: The server is read-only \(read_only\)\..*writer/,
    );
    await withGlobal(
      'max_allowed_packet',
      1 << 19,
      /^wrong server-settings: max_allowed_packet is 524288; set it/,
    );
    await withGlobal(
      'binlog_format',
      'STATEMENT',
      /^wrong server-settings: binlog_format is STATEMENT; set it to ROW/,
    );
    await admin.query('SET GLOBAL sql_require_primary_key = ON');
    const DATABASE_URL = as('limited');
    const kept = await faults({ DATABASE_URL, NPI_BASELINE: 'never' });
    await admin.query('SET GLOBAL sql_require_primary_key = OFF');
    expect(kept).toEqual([expect.stringMatching(/^warning server-settings: sql_require_primary_key is ON/)]);
  });

  it('finds settings of the session that a proxy has lost', async () => {
    await admin.query("SET GLOBAL sql_mode = 'ANSI', GLOBAL time_zone = '+09:00'");
    const { hostname: host, port } = new URL(server.url);
    const proxy = await startSqlProxy(
      { host, port: Number(port) },
      { judge: (sql) => (sql.includes('SET SESSION') ? 'lost' : 'pass'), stop: () => undefined },
    );
    const at = Object.assign(new URL(env['DATABASE_URL'] ?? ''), { port: String(proxy.port) });
    const lines = await faults({ DATABASE_URL: at.href });
    await proxy.close();
    await admin.query('SET GLOBAL sql_mode = DEFAULT, GLOBAL time_zone = DEFAULT');
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^wrong server-settings: sql_mode is .*ANSI.* although this service sets it\. .*proxy/,
        ),
        expect.stringMatching(/^wrong server-settings: time_zone is \+09:00 in a session/),
      ]),
    );
  });
});
