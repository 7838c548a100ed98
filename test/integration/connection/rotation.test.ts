import { Agent } from 'undici';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from 'vitest';
import { secretCredentials, type Credentials } from '../../../db/connection/credentials.ts';
import { connect, type Database } from '../../../db/connection/pool.ts';
import { secretsManager } from '../../bed/secrets-manager.ts';
import { failureCode } from '../../bed/db-failure.ts';

const server = new URL(inject('mysqlUrl'));
const place = { host: server.hostname, port: Number(server.port) };
const root = { user: decodeURIComponent(server.username), password: decodeURIComponent(server.password) };
const user = `rotation_test_${process.pid}`;
const schema = `rotation_test_${process.pid}`;
const direct = new Agent();
const never = new AbortController().signal;

let admin: Connection;
const opened: Database[] = [];

beforeAll(async () => {
  admin = await createConnection({ ...place, ...root });
  await admin.query('CREATE DATABASE ??', [schema]);
  await admin.query('CREATE USER ? IDENTIFIED BY ?', [user, 'first']);
  await admin.query('GRANT ALL ON ??.* TO ?', [schema, user]);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(opened.splice(0).map((database) => database.close()));
});
afterAll(async () => {
  await admin.query('DROP DATABASE IF EXISTS ??', [schema]);
  await admin.query('DROP USER IF EXISTS ?', [user]);
  await admin.end();
});

function open({ credentials }: { readonly credentials: Credentials }): Database {
  const database = connect({ ...place, schema, credentials });
  opened.push(database);
  return database;
}

test('fetches the password again only after a rotation', async () => {
  let password = 'first';
  const aws = await secretsManager(() => [
    200,
    { SecretString: JSON.stringify({ username: user, password, engine: 'mysql' }) },
  ]);
  const credentials = secretCredentials('rds!cluster', direct);
  const connectionOf = () =>
    open({ credentials }).session(never, (session) => session.query('SELECT CURRENT_USER() AS name'));
  expect(await connectionOf()).toEqual([{ name: `${user}@%` }]);
  expect(await connectionOf()).toHaveLength(1);
  expect(aws.askedCount()).toBe(1);
  await admin.query('ALTER USER ? IDENTIFIED BY ?', [user, 'second']);
  password = 'second';
  expect(await connectionOf()).toEqual([{ name: `${user}@%` }]);
  expect(aws.askedCount()).toBe(2);
  await admin.query('ALTER USER ? IDENTIFIED BY ?', [user, 'first']);
  aws.server.close();
});

test('tries a login that has worked until a rotation reaches the secret, but one that never worked only twice', async () => {
  let answers = ['first', 'first', 'first', 'third'];
  const aws = await secretsManager(() => {
    const [password, ...later] = answers;
    if (later.length > 0) answers = later;
    return [200, { SecretString: JSON.stringify({ username: user, password }) }];
  });
  const credentials = secretCredentials('rds!cluster', direct);
  const nameOf = () =>
    open({ credentials }).session(never, (session) => session.query('SELECT CURRENT_USER() AS name'));
  expect(await nameOf()).toHaveLength(1);
  await admin.query('ALTER USER ? IDENTIFIED BY ?', [user, 'third']);
  expect(await nameOf()).toEqual([{ name: `${user}@%` }]);
  expect(aws.askedCount()).toBe(4);
  await admin.query('ALTER USER ? IDENTIFIED BY ?', [user, 'first']);
  const unknown = secretCredentials('rds!cluster', direct);
  expect(
    await failureCode(open({ credentials: unknown }).session(never, (session) => session.query('SELECT 1'))),
  ).toBe('DatabaseRefused');
  expect(aws.askedCount()).toBe(6);
  aws.server.close();
});
