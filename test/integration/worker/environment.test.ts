import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';

// What the environment of a process can do to a command, before anything has begun.
const listener = createServer();
let taken: string;
let folder: string;
beforeAll(async () => {
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  taken = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), 'surgicase-environment-'));
});
afterAll(() => {
  listener.close();
  rmSync(folder, { recursive: true });
});

it.each([
  ['METRICS_ADDRESS', () => taken],
  ['HEALTH_ADDRESS', () => taken],
  ['LOG_FILE', () => join(folder, 'missing', 'log')],
])('a worker whose %s cannot be used ends with 2 and names it', async (name, value) => {
  const services = { DATABASE_URL: 'mysql://a:b@127.0.0.1:1/s', TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const { code, err } = await surgicase(['worker'], { ...services, [name]: value() });
  expect(code).toBe(2);
  expect(err).toContain(`${name}: found ${value()}`);
});

it('a .env in UTF-16 configures a command', async () => {
  const text = '\ufeffTEMPORAL_ADDRESS=127.0.0.1:1\r\n';
  writeFileSync(join(folder, '.env'), Buffer.from(text, 'utf16le'));
  const { code, err } = await surgicase(['schedules', 'list'], {}, folder);
  expect([code, err]).toEqual([3, expect.stringContaining('Temporal at 127.0.0.1:1 does not answer')]);
});

it('a command behind a proxy reaches Temporal on this machine directly, and warns about an unknown name', async () => {
  const proxies = { http_proxy: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1' };
  const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), ...proxies, NPI_FOLDER: 'x' };
  const { code, out, err } = await surgicase(['schedules', 'list', '--json'], env);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toHaveLength(3);
  expect(err).toContain('Warning: NPI_FOLDER is not a variable of this service');
});
