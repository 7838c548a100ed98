import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConfigError } from '../../../config/config-error.ts';
import { readEnvFile } from '../../../config/env-file.ts';
import { hostEnvironment, processEnvironment, readConfig } from '../../../config/config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(env: Record<string, string>, need?: Parameters<typeof readConfig>[1]): string {
  try {
    readConfig(env, need);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'none';
}

test('an empty environment gives the defaults of the contract', () => {
  const config = readConfig({ DATABASE_URL: ' ', LOG_LEVEL: '' });
  expect(config).toMatchObject({
    searchSchema: 'search_surgeon_facility',
    schedulerSchema: 'surgicase_scheduler',
    nppes: { url: 'https://download.cms.gov/nppes/NPI_Files.html', maxRefusedFraction: 0.001 },
    crons: {},
    timezone: 'UTC',
    catchupMs: 86_400_000,
    temporal: { isConfigured: false },
    log: { level: 'info' },
    heartbeatTimeoutMs: 10_000,
  });
  expect(config.database).toBeUndefined();
  expect(Object.isFrozen(config)).toBe(true);
});

const meanings: [name: string, value: string, path: string, meaning: unknown][] = [
  ['NPI_MAX_REFUSED', '0.1%', 'nppes.maxRefusedFraction', 0.001],
  ['NPI_MAX_REFUSED', '2 %', 'nppes.maxRefusedFraction', 0.02],
  ['NPI_MAX_REFUSED', '0', 'nppes.maxRefusedFraction', 0],
  ['NPI_ARCHIVE_KEEP', '8', 'nppes.archiveKeepCount', 8],
  ['NPI_CHECK_PARTS', '52', 'nppes.checkPartCount', 52],
  ['NPI_HISTORY_KEEP', '730d', 'nppes.historyKeepMs', 730 * 86_400_000],
  ['NPI_MAX_THREADS_RUNNING', '16', 'nppes.maxThreadsRunning', 16],
  ['NPI_LOAD_CONNECTIONS', '1', 'nppes.loadConnections', 1],
  ['NPI_WORK_DIR', '/var/tmp/npi', 'nppes.workDir', '/var/tmp/npi'],
  ['NPPES_URL', 'http://mirror:8080/NPI_Files.html', 'nppes.url', 'http://mirror:8080/NPI_Files.html'],
  ['NPPES_URL', 'file:///data/npi files/', 'nppes.url', 'file:///data/npi%20files/'],
  ['NPPES_URL', 'file:///data/NPI_Files.html', 'nppes.url', 'file:///data/NPI_Files.html'],
  ['SCHEDULE_CATCHUP', '6h', 'catchupMs', 21_600_000],
  ['SCHEDULE_CATCHUP', '2d', 'catchupMs', 172_800_000],
  ['SCHEDULE_NPI_UPDATE', 'off', 'crons.npi-update', 'off'],
  ['SCHEDULE_NPI_UPDATE', '*/15  8-18 1,15 JAN-jun mon', 'crons.npi-update', '*/15 8-18 1,15 JAN-jun mon'],
  ['SCHEDULE_TIMEZONE', 'America/New_York', 'timezone', 'America/New_York'],
  ['SCHEDULE_TIMEZONE', 'america/new_york', 'timezone', 'America/New_York'],
  ['SCHEDULE_TIMEZONE', 'utc', 'timezone', 'UTC'],
  ['SCHEDULE_TIMEZONE', 'Etc/UTC', 'timezone', 'UTC'],
  ['SCHEDULE_TIMEZONE', 'PST', 'timezone', 'America/Los_Angeles'],
  ['ACTIVITY_HEARTBEAT_TIMEOUT', '1s', 'heartbeatTimeoutMs', 1000],
  ['LOG_FORMAT', 'pretty', 'log.format', 'pretty'],
  ['SHADOW', 'true', 'isShadow', true],
  ['HEARTBEAT_URL', 'https://ping.example/a-token', 'notify.heartbeatUrl', 'https://ping.example/a-token'],
  ['HTTPS_PROXY', 'http://proxy:3128', 'proxies.https', 'http://proxy:3128/'],
  ['https_proxy', 'proxy:3128', 'proxies.https', 'http://proxy:3128/'],
  ['no_proxy', '.cms.gov', 'proxies.exceptions', '.cms.gov'],
];
test.each(meanings)('reads %s=%s', (name, value, path, meaning) => {
  expect(readConfig({ [name]: value })).toHaveProperty(path.split('.'), meaning);
});

const refusals: [name: string, value: string, accepted: string][] = [
  ['NPI_MAX_REFUSED', '101%', 'a percentage from 0 to 100'],
  ['NPI_MAX_REFUSED', '-1', 'a percentage from 0 to 100'],
  ['NPI_ARCHIVE_KEEP', '0', 'a whole number, 1 or more'],
  ['NPI_CHECK_PARTS', '1/52', 'a whole number from 1 to 9999'],
  ['NPI_HISTORY_KEEP', '89d', 'a duration from 90d to 36500d, such as 730d'],
  ['NPI_HISTORY_KEEP', '2', 'such as 730d'],
  ['SCHEDULE_CATCHUP', '7d', 'under 7 days'],
  ['SCHEDULE_CATCHUP', '0h', 'above 0'],
  ['SCHEDULE_CATCHUP', '6 hourz', 'such as 6h or 2d'],
  ['SCHEDULE_NPI_UPDATE', '0 8 * *', 'five cron fields'],
  ['SCHEDULE_NPI_UPDATE', '60 8 * * 2', 'five cron fields'],
  ['SCHEDULE_NPI_UPDATE', '0 24 * * 2', 'five cron fields'],
  ['SCHEDULE_NPI_UPDATE', '0 8 0 * 2', 'five cron fields'],
  ['SCHEDULE_NPI_UPDATE', '0 8 * * 5-2', 'five cron fields'],
  ['SCHEDULE_NPI_UPDATE', '0 8 * * */0', 'five cron fields'],
  ['SCHEDULE_NPI_UPDATE', '@weekly', 'five cron fields'],
  ['SCHEDULE_TIMEZONE', 'Mars/Olympus', 'IANA'],
  ['SCHEDULE_TIMEZONE', '+05:30', 'IANA'],
  ['LOG_FILE', '/no/such/folder/log', 'an existing folder'],
  ['HTTP_PROXY', 'socks5://proxy:1080', 'the http(s) address of a proxy'],
  ['SEARCH_SCHEMA', 'search`; DROP TABLE x', 'a schema name'],
  ['NPPES_URL', 'ftp://download.cms.gov/', 'an http(s) address'],
  ['NPPES_URL', 'file://data/NPI_Files.html', 'file:///path/of/a/folder/'],
  ['TEMPORAL_UI_URL', 'file:///data/', 'an http(s) address without user and password'],
  ['NOTIFY_ON', 'failure, panic', 'a list of failure, gap, waiting, overdue, success'],
  ['LOG_LEVEL', 'loud', 'debug, info, warn, error'],
  ['ACTIVITY_HEARTBEAT_TIMEOUT', '10', 'such as 10s'],
  ['DATABASE_URL', 'postgres://user@host/allstars', 'mysql://user:password@host:3306/schema'],
];
test.each(refusals)('refuses %s=%s and names the value and the accepted values', (name, value, accepted) => {
  const message = problemsOf({ [name]: value });
  expect(message).toContain(`  ${name}: found `);
  expect(message).toContain(value);
  expect(message).toContain(accepted);
});

test('reports all wrong values in one message', () => {
  const env = {
    LOG_LEVEL: 'loud',
    DB_PORT: '0',
    SCHEDULE_TIMEZONE: 'here',
    DB_SECRET_ID: 'rds',
    DATABASE_URL: 'mysql://u@h/s',
  };
  const message = problemsOf(env, ['temporal']);
  for (const name of ['LOG_LEVEL', 'DB_PORT', 'SCHEDULE_TIMEZONE']) expect(message).toContain(`  ${name}: `);
  expect(message).toContain('TEMPORAL_ADDRESS is required');
  expect(message).toContain('DATABASE_URL and DB_SECRET_ID are both set');
});

const leaky = [
  ['DATABASE_URL', 'mysql://app:hunter2@host/allstars?password=hunter2'],
  ['DATABASE_URL', 'mysql://app:hunter2@host/no-such-schema!'],
  ['DATABASE_URL', 'mysql://app:hun/ter2@host/allstars'],
  ['DATABASE_URL', 'mysql://app:12#hunter2@host/allstars'],
  ['DATABASE_URL', 'app:hunter2@host'],
  ['NPPES_URL', 'https://app:hunter2@mirror/NPI_Files.html'],
  ['NPPES_URL', 'https:/app:hunter2'],
  ['HTTPS_PROXY', 'socks5://app:hunter2@proxy'],
] as const;
test.each(leaky)('refuses %s=%s without quoting its password', (name, value) => {
  const message = problemsOf({ [name]: value });
  expect(message).toContain(`  ${name}: found `);
  expect(message).not.toMatch(/hunter2|ter2/);
});

test('a database has an address and a login', () => {
  const { database } = readConfig({ DATABASE_URL: 'mysql://app:p%40ss@[::1]/allstars' }, ['database']);
  expect(database).toEqual({
    host: '::1',
    port: 3306,
    name: 'allstars',
    login: { user: 'app', password: 'p@ss' },
  });
});

test('reads ssl-ca, and names a file that cannot be read', () => {
  const pem = join(folder, 'ca.pem');
  writeFileSync(pem, 'certificate');
  expect(readConfig({ DATABASE_URL: `mysql://app:x@host/s?ssl-ca=${pem}` }).database?.tls).toEqual({
    caPem: 'certificate',
  });
  expect(problemsOf({ DATABASE_URL: `mysql://app:x@host/s?ssl-ca=${pem}.gone` })).toContain(
    `ssl-ca=${pem}.gone (ENOENT)`,
  );
});

test('reads TLS for a secret and for an address, and refuses what it would ignore', () => {
  const pem = join(folder, 'ca.pem');
  writeFileSync(pem, 'certificate');
  const secret = { DB_SECRET_ID: 'rds!cluster', DB_HOST: 'db.example.org', DB_NAME: 'allstars' };
  expect(readConfig({ DATABASE_URL: 'mysql://app:x@host/s?ssl=rds' }).database?.tls).toBe('rds');
  expect(readConfig({ ...secret, DB_SSL: 'rds' }).database?.tls).toBe('rds');
  expect(readConfig({ ...secret, DB_SSL_CA: pem }).database?.tls).toEqual({ caPem: 'certificate' });
  expect(problemsOf({ ...secret, DB_SSL_CA: `${pem}.gone` })).toContain(
    `DB_SSL_CA: found ${pem}.gone (ENOENT)`,
  );
  expect(problemsOf({ ...secret, DB_SSL: 'on' })).toContain('DB_SSL: found "on"; must be one of rds');
  expect(problemsOf({ ...secret, DB_SSL: 'rds', DB_SSL_CA: pem })).toContain('set only one of them');
  expect(problemsOf({ DATABASE_URL: 'mysql://app:x@host/s', DB_SSL: 'rds' })).toContain('write ?ssl=rds');
  expect(problemsOf({ DATABASE_URL: 'mysql://app:x@host/s?ssl=off' })).toContain('DATABASE_URL: found');
});

test('a secret is used together with host and schema', () => {
  const place = { DB_SECRET_ID: 'rds!db', DB_HOST: 'aurora.example', DB_PORT: '3307', DB_NAME: 'allstars' };
  const database = { host: 'aurora.example', port: 3307, name: 'allstars', login: { secretId: 'rds!db' } };
  expect(readConfig(place, ['database']).database).toEqual(database);
  expect(problemsOf({ DB_SECRET_ID: 'rds!db' })).toMatch(/DB_HOST is required.*\n.*DB_NAME is required/);
});

test('requires what the command needs', () => {
  expect(problemsOf({}, ['database', 'temporal'])).toMatch(
    /DATABASE_URL is required.*\n.*TEMPORAL_ADDRESS is required/,
  );
});

test('Temporal is configured by an address or by a profile with one', () => {
  const found = readConfig({
    TEMPORAL_ADDRESS: 'temporal:7233',
    TEMPORAL_NAMESPACE: 'ours',
    TEMPORAL_API_KEY: 'k',
  });
  expect(found.temporal).toMatchObject({ isConfigured: true, namespace: 'ours' });
  expect(found.temporal.connectionOptions).toMatchObject({
    address: 'temporal:7233',
    apiKey: 'k',
    tls: true,
  });
  const file = join(folder, 'temporal.toml');
  writeFileSync(file, '[profile.default]\naddress = "file:7233"\n');
  const fromFile = readConfig({ TEMPORAL_CONFIG_FILE: file }).temporal;
  expect(fromFile).toMatchObject({ isConfigured: true, connectionOptions: { address: 'file:7233' } });
  expect(problemsOf({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'absent' })).toContain(
    "'absent' not found",
  );
});

test('.env sets variables that the environment does not set', () => {
  const before = process.cwd();
  writeFileSync(join(folder, '.env'), 'NPI_ARCHIVE_KEEP=3\nSEARCH_SCHEMA=from_file\n');
  process.env['SEARCH_SCHEMA'] = 'from_environment';
  try {
    process.chdir(folder);
    const { nppes, searchSchema } = readConfig(processEnvironment());
    expect([nppes.archiveKeepCount, searchSchema]).toEqual([3, 'from_environment']);
    process.chdir(tmpdir());
    expect(processEnvironment).not.toThrow();
  } finally {
    process.chdir(before);
    delete process.env['SEARCH_SCHEMA'];
    delete process.env['NPI_ARCHIVE_KEEP'];
  }
});

test('a host reads .env too, but its process.env stays as it is, and what only the AWS SDK reads is refused there', () => {
  const before = [process.cwd(), JSON.stringify(process.env)] as const;
  writeFileSync(join(folder, '.env'), 'NPI_ARCHIVE_KEEP=3\nAWS_REGION=eu-west-1\n');
  try {
    process.chdir(folder);
    expect(hostEnvironment()).toMatchObject({ NPI_ARCHIVE_KEEP: '3' });
    writeFileSync(join(folder, '.env'), 'DB_SECRET_ID=s\nAWS_REGION=eu-west-1\n');
    expect(hostEnvironment).toThrow('AWS_REGION: found only in .env');
  } finally {
    process.chdir(before[0]);
  }
  expect(JSON.stringify(process.env)).toBe(before[1]);
});

const database = 'DATABASE_URL=mysql://a:b@host/elsewhere\n';
const swapped = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
test.each([
  ['UTF-8', Buffer.from(database)],
  ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${database}`)],
  ['UTF-16, little-endian', Buffer.from(`\ufeff${database}`, 'utf16le')],
  ['UTF-16, big-endian', swapped(database)],
  ['CRLF', Buffer.from(database.replace('\n', '\r\n'))],
])('a .env in %s gives its first variable', (_, bytes) => {
  const path = join(folder, 'some.env');
  writeFileSync(path, bytes);
  expect(readEnvFile(path)).toEqual({ DATABASE_URL: 'mysql://a:b@host/elsewhere' });
});

test.each([
  ['UTF-16 without a byte order mark', Buffer.from(database, 'utf16le'), 'is not a text in UTF-8'],
  ['Latin-1', Buffer.from('DATABASE_URL=mysql://a:p\u00e4ss@host/s\n', 'latin1'), 'is not a text in UTF-8'],
  [
    'an invisible character before a name',
    Buffer.from(`\n\u00a0${database}`),
    'invisible or non-ASCII character',
  ],
])('a .env with %s is refused, because ignoring it would mean another database', (_, bytes, message) => {
  const path = join(folder, 'some.env');
  writeFileSync(path, bytes);
  expect(() => readEnvFile(path)).toThrow(ConfigError);
  expect(() => readEnvFile(path)).toThrow(message);
});

test('a .env that cannot be read is refused', () => {
  expect(() => readEnvFile(folder)).toThrow('cannot be read (EISDIR)');
});

test("a name like a proxy's belongs to another program", () => {
  expect(problemsOf({ FTP_PROXY: 'http://proxy', ALL_PROXY: 'http://proxy' })).toBe('none');
});

test('an unknown name with one of our prefixes is a warning; other names are not ours', () => {
  const names = {
    NPI_ARCHIVE_FOLDER: 'x',
    SCHEDULE_EVERYTHING: 'x',
    PATHS: 'x',
    NPI_WORK_DIR: '/tmp',
  };
  expect(readConfig(names).warnings).toEqual([
    'NPI_ARCHIVE_FOLDER is not a variable of this service and has no effect. Remove it or correct its name.',
    'SCHEDULE_EVERYTHING is not a variable of this service and has no effect. Remove it or correct its name.',
  ]);
});

test.each([
  ['NPI_MAX_REFUSE', 'NPI_MAX_REFUSED'],
  ['NIP_BASELINE', 'NPI_BASELINE'],
  ['CASE_UPDATES_MAXX', 'CASE_UPDATE_MAX'],
  ['DATABASE_ULR', 'DATABASE_URL'],
  ['DB_HSOT', 'DB_HOST'],
])('asks whether %s means %s', (name, meant) => {
  expect(problemsOf({ [name]: 'x' })).toContain(
    `${name} is not a variable of this service. Did you mean ${meant}?`,
  );
});

test.each(['DB_PASS', 'DB_USER', 'LOG_DIR', 'NODE_ENV', 'LOGNAME', 'PATH'])('leaves %s to others', (name) => {
  expect(problemsOf({ [name]: 'x' })).toBe('none');
});

test('NOTIFY_ON chooses the events, and is refused without an address for them', () => {
  expect(readConfig({}).notify).toEqual({ events: ['failure', 'gap', 'waiting', 'overdue'] });
  const webhookUrl = 'https://chat.example/a-token';
  expect(readConfig({ NOTIFY_ON: 'failure, success', NOTIFY_WEBHOOK_URL: webhookUrl }).notify).toEqual({
    events: ['failure', 'success'],
    webhookUrl,
  });
  expect(problemsOf({ NOTIFY_ON: 'failure' })).toContain('NOTIFY_ON needs NOTIFY_WEBHOOK_URL');
});

test.each(['NOTIFY_WEBHOOK_URL', 'HEARTBEAT_URL'])(
  'a wrong %s is not shown, because it may contain a token',
  (name) => {
    const found = problemsOf({ [name]: 'ftp://chat.example/a-token' });
    expect(found).toContain(`${name}: found a value that is not an address`);
    expect(found).not.toContain('a-token');
  },
);
