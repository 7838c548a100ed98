import { once } from 'node:events';
import {
  connect as connectSocket,
  createServer as createTcpServer,
  type AddressInfo,
  type Socket,
} from 'node:net';
import { Readable } from 'node:stream';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from 'vitest';
import { connect, type Database } from '../../../db/connection/pool.ts';
import { staticCredentials, type Credentials } from '../../../db/connection/credentials.ts';
import { StatementError } from '../../../db/connection/errors.ts';
import type { StatementReport } from '../../../db/connection/session.ts';
import { failureCode, failureOf } from '../../bed/db-failure.ts';

const server = new URL(inject('mysqlUrl'));
const root = { user: decodeURIComponent(server.username), password: decodeURIComponent(server.password) };
const place = { host: server.hostname, port: Number(server.port) };
const schema = `connect_test_${process.pid}`;
const user = `connect_test_${process.pid}`;
const never = new AbortController().signal;
const load = 'LOAD DATA LOCAL INFILE "rows" REPLACE INTO TABLE t (id, name)';

let admin: Connection;
const opened: Database[] = [];

beforeAll(async () => {
  admin = await createConnection({ ...place, ...root });
  await admin.query('CREATE DATABASE ??', [schema]);
  await admin.query('CREATE TABLE ??.t (id INT PRIMARY KEY, name VARCHAR(20))', [schema]);
  await admin.query('CREATE USER ? IDENTIFIED BY ?', [user, 'first']);
  await admin.query('GRANT ALL ON ??.* TO ?', [schema, user]);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.close()));
  await admin.query('DELETE FROM ??.t', [schema]);
});
afterAll(async () => {
  await admin.query('DROP DATABASE IF EXISTS ??', [schema]);
  await admin.query('DROP USER IF EXISTS ?', [user]);
  await admin.end();
});

interface Variation {
  readonly schema?: string;
  readonly port?: number;
  readonly credentials?: Credentials;
  readonly reports?: StatementReport[];
}

function open({ reports, ...options }: Variation = {}): Database {
  const hooks = { onStatement: (report: StatementReport) => void reports?.push(report) };
  const database = connect({ ...place, schema, credentials: staticCredentials(root), ...options }, hooks);
  opened.push(database);
  return database;
}

const storedIds = async () => {
  const [rows] = await admin.query('SELECT id FROM ??.t ORDER BY id', [schema]);
  return (rows as { id: number }[]).map(({ id }) => id);
};

/** Resolves when the server runs a statement that contains `text`. */
/** Statements of other test files on the same server do not count. */
async function runningOnServer(text: string): Promise<void> {
  await vi.waitFor(async () => {
    const [rows] = await admin.query(
      'SELECT id FROM information_schema.processlist WHERE info LIKE ? AND db = ?',
      [`%${text}%`, schema],
    );
    expect(rows).not.toEqual([]);
  });
}

test('a session has the settings and schema of this service, whatever the server defaults are', async () => {
  const [row] = await open().session(never, (session) =>
    session.query(
      'SELECT DATABASE() AS name, @@sql_mode AS mode, @@time_zone AS zone, @@character_set_client AS charset',
    ),
  );
  expect(row).toMatchObject({ name: schema, zone: '+00:00', charset: 'utf8mb4' });
  expect(row?.['mode']).toContain('STRICT_TRANS_TABLES');
  const database = open();
  await database.session(never, (session) =>
    session.transaction(async () => {
      await session.query('SELECT * FROM t');
      await admin.query("INSERT INTO ??.t VALUES (1, 'a')", [schema]);
      // READ COMMITTED sees the row. The server's default, REPEATABLE READ, would not.
      expect(await session.query('SELECT id FROM t')).toEqual([{ id: 1 }]);
    }),
  );
});

test('sessions work before the schema exists, and use it once it exists', async () => {
  const database = open({ schema: `${schema}_later` });
  const named = () => database.session(never, (session) => session.query('SELECT DATABASE() AS name'));
  expect(await named()).toEqual([{ name: null }]);
  await database.session(never, (session) => session.run(`CREATE DATABASE ${schema}_later`));
  expect(await named()).toEqual([{ name: `${schema}_later` }]);
  await admin.query('DROP DATABASE ??', [`${schema}_later`]);
});

test('a cancelled session ends within 2 s, its statement killed and its transaction rolled back', async () => {
  const abort = new AbortController();
  const later: (Error | undefined)[] = [];
  const running = open().session(abort.signal, (session) =>
    session.transaction(async () => {
      await session.run("INSERT INTO t VALUES (1, 'a')");
      later.push(await failureOf(session.query('SELECT SLEEP(30) AS cancelled')));
      later.push(await failureOf(session.run("INSERT INTO t VALUES (2, 'b')")));
    }),
  );
  await runningOnServer('SLEEP(30) AS cancelled');
  const startedMs = performance.now();
  abort.abort(new Error('cancelled by a person'));
  await expect(running).rejects.toThrow('cancelled by a person');
  expect(performance.now() - startedMs).toBeLessThan(2000);
  expect(later.map((error) => error?.message)).toEqual(['cancelled by a person', 'cancelled by a person']);
  expect(await storedIds()).toEqual([]);
  const [left] = await admin.query(
    "SELECT id FROM information_schema.processlist WHERE info LIKE '%AS cancelled' AND info NOT LIKE '%processlist%'",
  );
  expect(left).toEqual([]);
});

test('a session cancelled before it begins does not connect', async () => {
  const running = open({ port: 1 }).session(AbortSignal.abort(new Error('too late')), async () => 1);
  await expect(running).rejects.toThrow('too late');
});

test('a transaction commits, or rolls back and throws the error of its work', async () => {
  const database = open();
  await database.session(never, async (session) => {
    const work = session.transaction(async () => {
      await session.run("INSERT INTO t VALUES (1, 'a')");
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    await session.transaction(() => session.run("INSERT INTO t VALUES (2, 'b')"));
  });
  expect(await storedIds()).toEqual([2]);
});

test('loads rows from a stream and from a block larger than a packet', async () => {
  await open().session(never, async (session) => {
    const small = await session.load(load, Readable.from([Buffer.from('1\ta\n2\t'), Buffer.from('b\n')]));
    expect(small).toMatchObject({ affectedRows: 2, warningStatus: 0 });
    const wide = Buffer.alloc(1_000_000, 'x').toString();
    const rows = Buffer.from(Array.from({ length: 17 }, (_, id) => `${id}\t${wide}\n`).join(''));
    await session.load(
      'LOAD DATA LOCAL INFILE "rows" REPLACE INTO TABLE t (id, @wide) SET name = LENGTH(@wide)',
      rows,
    );
    expect(await session.query('SELECT name, COUNT(*) AS count FROM t GROUP BY name')).toEqual([
      { name: '1000000', count: 17 },
    ]);
  });
});

test('a failing source leaves no row and throws its own error', async () => {
  async function* damaged() {
    yield Buffer.from('1\ta\n2\tb\n');
    throw new Error('the zip is damaged');
  }
  await open().session(never, async (session) => {
    await expect(session.load(load, Readable.from(damaged()))).rejects.toThrow('the zip is damaged');
    expect(await session.query('SELECT id FROM t')).toEqual([]);
    const cut = new Readable({ read: () => {} });
    const loading = failureOf(session.load(load, cut));
    cut.push(Buffer.from('3\tc\n'));
    await runningOnServer('LOAD DATA LOCAL');
    cut.destroy();
    expect(await loading).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    expect(await session.query('SELECT id FROM t')).toEqual([]);
  });
});

test('cancels a load whose source sends nothing', async () => {
  const abort = new AbortController();
  const silent = new Readable({ read: () => {} });
  silent.push(Buffer.from('1\ta\n'));
  const running = open().session(abort.signal, (session) => session.load(load, silent));
  const ended = failureOf(running);
  await runningOnServer('LOAD DATA LOCAL');
  abort.abort(new Error('cancelled'));
  expect((await ended)?.message).toBe('cancelled');
  expect(silent.destroyed).toBe(true);
  expect(await storedIds()).toEqual([]);
});

test('errors have different codes and quote no value of a row', async () => {
  const database = open();
  const run = (sql: string) => failureOf(database.session(never, (session) => session.run(sql, [], 'merge')));
  await run("INSERT INTO t VALUES (1, 'Smith')");
  const faults = [
    "INSERT INTO t VALUES (1, 'Smith')",
    "INSERT INTO t VALUES ('Smith', 'x')",
    "INSERT INTO t VALUES (2, 'Smith-much-longer-than-its-column')",
    "SELEC 'Smith'",
  ];
  for (const sql of faults) {
    const error = await run(sql);
    expect(error).toBeInstanceOf(StatementError);
    expect(error?.message).toMatch(/^MySQL \d+ ER_\w+ \[\w{5}\].*\(during merge\)$/);
    expect(JSON.stringify([error, error?.message, error?.stack, error?.cause])).not.toContain('Smith');
  }
  expect(await run('SELECT * FROM absent')).toMatchObject({
    code: 'DatabaseNotReady',
    message: expect.stringContaining('absent'),
  });
  expect(await run('SELECT absent FROM t')).toMatchObject({ code: 'DatabaseNotReady' });
});

test('a lock held by someone else is DatabaseBusy', async () => {
  await admin.query("INSERT INTO ??.t VALUES (1, 'a')", [schema]);
  const database = open();
  const held = database.session(never, (holder) =>
    holder.transaction(async () => {
      await holder.query('SELECT * FROM t FOR UPDATE');
      return failureCode(
        database.session(never, async (session) => {
          await session.run('SET innodb_lock_wait_timeout = 1');
          await session.run("UPDATE t SET name = 'b'");
        }),
      );
    }),
  );
  expect(await held).toBe('DatabaseBusy');
});

test('refuses a login without rights, and reports a missing server as unreachable', async () => {
  const wrong = staticCredentials({ user, password: 'wrong' });
  const ping = (database: Database) =>
    failureCode(database.session(never, (session) => session.query('SELECT 1')));
  expect(await ping(open({ credentials: wrong }))).toBe('DatabaseRefused');
  const small = open({ credentials: staticCredentials({ user, password: 'first' }) });
  expect(
    await failureCode(small.session(never, (session) => session.query('SELECT * FROM mysql.user'))),
  ).toBe('DatabaseRefused');
  expect(await ping(open({ port: 1 }))).toBe('DatabaseUnreachable');
});

test('a connection lost during a statement is DatabaseUnreachable, and the next session opens a new one', async () => {
  const sockets: Socket[] = [];
  const proxy = createTcpServer((client) => {
    const upstream = connectSocket(place.port, place.host);
    sockets.push(client, upstream);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.pipe(upstream).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const database = open({ port: (proxy.address() as AddressInfo).port });
  const lost = failureCode(
    database.session(never, (session) => session.query(`SELECT SLEEP(5) AS ${schema}_lost`)),
  );
  await runningOnServer(`AS ${schema}_lost`);
  for (const socket of sockets.splice(0)) socket.destroy();
  expect(await lost).toBe('DatabaseUnreachable');
  expect(await database.session(never, (session) => session.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  for (const socket of sockets) socket.destroy();
  proxy.close();
});

test('reports each statement by its label or first line, without its values', async () => {
  const reports: StatementReport[] = [];
  await open({ reports }).session(never, async (session) => {
    await session.run('INSERT INTO t\nVALUES (?, ?)', [1, 'Smith']);
    await session.query('SELECT id FROM t', [], 'read back');
  });
  expect(reports.map(({ sql, rows }) => [sql, rows])).toEqual([
    ['INSERT INTO t', 1],
    ['read back', 1],
  ]);
  expect(reports.every(({ ms }) => ms > 0)).toBe(true);
});

test('reuses connections, except after a cancellation', async () => {
  const database = open();
  const id = (signal: AbortSignal) =>
    database.session(
      signal,
      async (session) => (await session.query<{ id: number }>('SELECT CONNECTION_ID() AS id'))[0]?.id,
    );
  const first = await id(never);
  expect(await id(never)).toBe(first);
  const abort = new AbortController();
  await database.session(abort.signal, async () => abort.abort());
  expect(await id(never)).not.toBe(first);
});

test('replaces a connection at once that the server closed while it was idle', async () => {
  const database = open();
  const idOf = () =>
    database.session(never, async (session) => {
      const [row] = await session.query<{ id: number }>('SELECT CONNECTION_ID() AS id');
      return row?.id ?? 0;
    });
  const first = await idOf();
  expect(await idOf()).toBe(first);
  await admin.query('KILL ?', [first]);
  const second = await idOf();
  expect(second).not.toBe(first);
  expect(await idOf()).toBe(second);
});
