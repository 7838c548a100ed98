import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLog } from '../../../telemetry/log.ts';
import { Agent } from 'undici';
import { createNotifier, type Notice, type NoticeEvent } from '../../../telemetry/notify.ts';

const received: { method?: string; url?: string; body: string }[] = [];
/** Statuses of the next answers; 200 when there is none left. */
let answers: number[];
let logged: string[];
let server: Server;
let address: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { method, url } = request;
    const seen = { ...(method !== undefined && { method }), ...(url !== undefined && { url }), body: '' };
    received.push(seen);
    request.setEncoding('utf8').on('data', (part: string) => (seen.body += part));
    request.on('end', () => response.writeHead(answers.shift() ?? 200).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  received.length = 0;
  answers = [];
  logged = [];
});

const notice = (event: NoticeEvent): Notice => ({
  event,
  job: 'paid-update',
  runId: 'a-run',
  text: `about ${event}`,
});
const log = createLog({ level: 'debug', format: 'json' }, (line) => logged.push(line));
const notifier = (events: readonly NoticeEvent[], webhookUrl = `${address}/a-token`) =>
  createNotifier(
    { webhookUrl, events, heartbeatUrl: `${address}/ping/another-token` },
    { log, dispatcher: new Agent() },
    [1, 1],
  );

it('posts the chosen events as JSON whose text chat services show', async () => {
  const { notify, settle } = notifier(['failure', 'waiting']);
  for (const event of ['failure', 'gap', 'waiting', 'overdue'] as const) notify(notice(event));
  await settle();
  expect(received.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /a-token', 'POST /a-token']);
  expect(received.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
    notice('failure'),
    notice('waiting'),
  ]);
});

it('pings HEARTBEAT_URL after a success, also when a success is not posted', async () => {
  const { notify, settle } = notifier(['failure']);
  notify(notice('success'));
  await settle();
  expect(received).toEqual([{ method: 'GET', url: '/ping/another-token', body: '' }]);
});

it('tries three times, and then says so without the address, which may contain a token', async () => {
  answers = [500, 429];
  const { notify, settle } = notifier(['failure']);
  notify(notice('failure'));
  await settle();
  expect([received.length, logged]).toEqual([3, []]);
  answers = [500, 500, 404];
  notify(notice('failure'));
  await settle();
  expect(received).toHaveLength(6);
  expect(logged).toEqual([expect.stringContaining('the webhook did not accept a notification (status 404)')]);
  expect(logged.join()).not.toContain('token');
});

it('neither throws nor waits when nothing answers', async () => {
  const { notify, settle } = notifier(['failure'], 'http://127.0.0.1:1/a-token');
  notify(notice('failure'));
  expect(logged).toEqual([]);
  await settle();
  expect(logged).toEqual([expect.stringContaining('ECONNREFUSED')]);
  expect(logged.join()).not.toContain('token');
});
