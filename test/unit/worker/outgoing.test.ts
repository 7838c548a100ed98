import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../../config/config.ts';
import { fetchPage, zipFacts } from '../../../nppes/page/listing.ts';
import { createLog } from '../../../telemetry/log.ts';
import { createNotifier } from '../../../telemetry/notify.ts';
import { secretCredentials } from '../../../db/connection/credentials.ts';
import { goesDirect, outgoing } from '../../../worker/outgoing.ts';
import { stubAws } from '../../bed/secrets-manager.ts';

const signal = new AbortController().signal;
let proxy: Server;
let proxyUrl: string;
let asked: string[];

/** A proxy that answers for every http address itself, and refuses tunnels. */
beforeEach(async () => {
  asked = [];
  proxy = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    incoming.resume();
    response.end(
      incoming.method === 'HEAD'
        ? undefined
        : '{"SecretString":"{\\"username\\":\\"u\\",\\"password\\":\\"p\\"}"}',
    );
  });
  proxy.on('connect', (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url} ${incoming.headers['proxy-authorization'] ?? ''}`.trim());
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterEach(() => {
  // Test files of one process share its environment.
  vi.unstubAllEnvs();
  proxy.closeAllConnections();
  proxy.close();
});

const through = (more: Record<string, string> = {}) =>
  outgoing(readConfig({ HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl, ...more }).proxies);

describe('with a proxy in the environment', () => {
  it('the page, a zip and a webhook go through it', async () => {
    const dispatcher = through();
    await fetchPage('http://cms.test/nppes/NPI_Files.html', { signal, dispatcher });
    await zipFacts('http://cms.test/nppes/a.zip', { signal, dispatcher });
    const log = createLog({ level: 'error', format: 'json' });
    const addresses = { webhookUrl: 'http://chat.test/hook', heartbeatUrl: 'http://ping.test/token' };
    const notifier = createNotifier({ ...addresses, events: ['success'] }, { log, dispatcher });
    notifier.notify({ event: 'success', job: 'npi-update', text: 'done' });
    await notifier.settle();
    expect(asked).toEqual([
      'GET http://cms.test/nppes/NPI_Files.html',
      'HEAD http://cms.test/nppes/a.zip',
      'POST http://chat.test/hook',
      'GET http://ping.test/token',
    ]);
  });

  it('AWS Secrets Manager is asked through it', async () => {
    stubAws('http://aws.test');
    expect(await secretCredentials('db', through()).login()).toEqual({ user: 'u', password: 'p' });
    expect(asked).toEqual(['POST http://aws.test/']);
  });

  it('an https address gets a tunnel, with the login of the proxy; a refusal is named', async () => {
    const dispatcher = through({ https_proxy: proxyUrl.replace('//', '//me:s%40cret@') });
    const page = fetchPage('https://cms.test/nppes/', { signal, dispatcher });
    await expect(page).rejects.toThrow('Proxy response (403)');
    expect(asked).toEqual([`CONNECT cms.test:443 Basic ${Buffer.from('me:s@cret').toString('base64')}`]);
  });

  it.each(['127.0.0.1', '127.1.2.3', 'localhost'])('%s is reached directly', async (host) => {
    const here = createServer((_request, response) => response.end('here')).listen(0, '0.0.0.0');
    await once(here, 'listening');
    const { port } = here.address() as AddressInfo;
    expect(await fetchPage(`http://${host}:${port}/`, { signal, dispatcher: through() })).toBe('here');
    expect(asked).toEqual([]);
    here.closeAllConnections();
    here.close();
  });
});

it('without a proxy for https, an https address is reached directly although there is one for http', async () => {
  const dispatcher = outgoing(readConfig({ HTTP_PROXY: proxyUrl }).proxies);
  await expect(request('https://cms.invalid/', { dispatcher })).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);
  expect(asked).toEqual([]);
});

describe('NO_PROXY', () => {
  it.each([
    ['cms.gov', 'https://cms.gov/'],
    ['cms.gov', 'https://download.cms.gov/'],
    ['.cms.gov', 'https://download.cms.gov/'],
    ['*.cms.gov', 'https://download.cms.gov/'],
    ['CMS.gov', 'https://Download.CMS.gov/'],
    ['other, cms.gov', 'https://cms.gov/'],
    ['cms.gov:443', 'https://cms.gov/'],
    ['cms.gov:8080', 'http://cms.gov:8080/'],
    ['*', 'https://cms.gov/'],
    ['10.0.0.0/8', 'http://10.20.30.40/'],
    ['10.1.2.3', 'http://10.1.2.3/'],
    ['fd00::/8', 'http://[fd00::1]/'],
    ['[2001:db8::1]:80', 'http://[2001:db8::1]/'],
    ['2001:db8::1', 'http://[2001:db8::1]/'],
    ['', 'http://127.9.9.9/'],
    ['', 'http://[::1]:7233/'],
    ['', 'http://localhost/'],
  ])('%j excepts %s', (exceptions, url) => {
    expect(goesDirect(new URL(url), exceptions)).toBe(true);
  });

  it.each([
    ['', 'https://cms.gov/'],
    ['cms.gov', 'https://notcms.gov/'],
    ['cms.gov:8080', 'https://cms.gov/'],
    ['10.0.0.0/8', 'http://11.0.0.1/'],
    ['10.0.0.0/99', 'http://10.0.0.1/'],
    ['2.3', 'http://10.1.2.3/'],
    ['', 'http://localhost.cms.gov/'],
  ])('%j does not except %s', (exceptions, url) => {
    expect(goesDirect(new URL(url), exceptions)).toBe(false);
  });
});
