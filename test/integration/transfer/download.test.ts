import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { downloadZip, type ZipDownload } from '../../../nppes/transfer/download.ts';
import { NppesError } from '../../../nppes/errors.ts';
import { fetchPage, zipFacts } from '../../../nppes/page/listing.ts';

const zip = Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), Buffer.alloc(300_000, 'generated ')]);
const sha256 = createHash('sha256').update(zip).digest('hex');
const never = new AbortController().signal;

let folder: string;
let servers: Server[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'download-'));
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers Range like a real server, unless If-Range has another ETag. */
function sendZip(request: IncomingMessage, response: ServerResponse, body = zip, etag = '"one"'): number {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const isPart = request.headers.range !== undefined && request.headers['if-range'] === etag;
  const sent = isPart ? body.subarray(from) : body;
  const range = isPart ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {};
  response.writeHead(isPart ? 206 : 200, { etag, 'content-length': sent.length, ...range });
  response.end(sent);
  return sent.length;
}

const arrivedBytes = 100_000;
let cut: () => void;

/** Sends only the first bytes. `downloadCut` cuts the connection when they have arrived. */
function sendStart(response: ServerResponse, etag = '"one"'): void {
  cut = () => response.destroy();
  response.writeHead(200, { etag, 'content-length': zip.length }).write(zip.subarray(0, arrivedBytes));
}

const path = () => join(folder, 'week.zip');
const download = (url: string, more: Partial<ZipDownload> = {}) =>
  downloadZip({ url, path: path(), signal: never, onProgress: () => {}, test: async () => {}, ...more });
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof NppesError ? error.code : String(error)),
  );
const downloadCut = (url: string) =>
  code(download(url, { onProgress: (bytes) => bytes === arrivedBytes && cut() }));

test('downloads a zip with sha256, ETag and progress, and sends our user agent', async () => {
  const agents: unknown[] = [];
  const url = await serve((request, response) => {
    agents.push(request.headers['user-agent']);
    sendZip(request, response);
  });
  const progress: unknown[] = [];
  const tested: string[] = [];
  const found = await download(url, {
    onProgress: (bytes, total) => progress.push([bytes, total]),
    test: async (part) => void tested.push(part, String(existsSync(path()))),
  });
  expect(found).toEqual({ sha256, sizeBytes: zip.length, etag: '"one"' });
  expect(readFileSync(path()).equals(zip)).toBe(true);
  expect(progress.at(-1)).toEqual([zip.length, zip.length]);
  expect(tested).toEqual([`${path()}.part`, 'false']);
  expect(readdirSync(folder)).toEqual(['week.zip', 'week.zip.json']);
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(agents).toEqual([`surgicase-pipelines/${version} (NPPES loader)`]);
});

test('a cut connection fails the attempt, and the next one resumes where it stopped', async () => {
  const ranges: unknown[] = [];
  const url = await serve((request, response) => {
    ranges.push(request.headers.range);
    if (ranges.length === 1) sendStart(response);
    else sendZip(request, response);
  });
  expect(await downloadCut(url)).toBe('DownloadFailed');
  expect(existsSync(path())).toBe(false);
  const progress: number[] = [];
  expect(await download(url, { onProgress: (bytes) => progress.push(bytes) })).toMatchObject({ sha256 });
  expect(ranges).toEqual([undefined, 'bytes=100000-']);
  expect(progress[0]).toBeGreaterThan(arrivedBytes);
  expect(readFileSync(path()).equals(zip)).toBe(true);
});

const other = Buffer.concat([zip.subarray(0, 4), Buffer.alloc(200_000, 'another ')]);
const changes: Record<string, RequestListener> = {
  'the ETag has changed': (request, response) => sendZip(request, response, other, '"two"'),
  'the server ignores Range': (_request, response) =>
    void response.writeHead(200, { etag: '"one"' }).end(other),
};
test.each(Object.keys(changes))('starts the download again when %s', async (change) => {
  let requestCount = 0;
  const url = await serve((request, response) => {
    requestCount += 1;
    if (requestCount === 1) sendStart(response);
    else changes[change]?.(request, response);
  });
  expect(await downloadCut(url)).toBe('DownloadFailed');
  const found = await download(url);
  expect(found.sha256).toBe(createHash('sha256').update(other).digest('hex'));
  expect(readFileSync(path()).equals(other)).toBe(true);
});

test('does not resume a partial file without a strong validator', async () => {
  const ranges: unknown[] = [];
  const url = await serve((request, response) => {
    ranges.push(request.headers.range);
    if (ranges.length === 1) sendStart(response, 'W/"weak"');
    else sendZip(request, response);
  });
  expect(await downloadCut(url)).toBe('DownloadFailed');
  expect(await download(url)).toMatchObject({ sha256 });
  expect(ranges).toEqual([undefined, undefined]);
});

test('tests and renames a complete partial file after the server confirms it', async () => {
  const sentBytes: number[] = [];
  const url = await serve((request, response) => {
    sentBytes.push(sendZip(request, response));
  });
  const crash = download(url, { test: () => Promise.reject(new Error('killed')) });
  expect(await code(crash)).toBe('Error: killed');
  expect(await download(url)).toMatchObject({ sha256, sizeBytes: zip.length });
  expect(sentBytes).toEqual([zip.length, 1]);
});

test('downloads a damaged zip once more from the first byte, then fails', async () => {
  const ranges: unknown[] = [];
  const url = await serve((request, response) => {
    ranges.push(request.headers.range);
    sendZip(request, response);
  });
  const damaged = new NppesError('ZipDamaged', 'The zip is damaged.');
  let testCount = 0;
  const mendedBySecond = async () => {
    testCount += 1;
    if (testCount === 1) throw damaged;
  };
  expect(await download(url, { test: mendedBySecond })).toMatchObject({ sha256 });
  expect(await code(download(url, { test: () => Promise.reject(damaged) }))).toBe('ZipDamaged');
  expect(ranges).toEqual([undefined, undefined, undefined, undefined]);
  expect(readdirSync(folder)).toEqual(['week.zip', 'week.zip.json']);
});

test('refuses HTML with status 200 and keeps nothing', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please log in</html>');
  });
  await expect(download(url)).rejects.toThrow('did not return a zip file (text/html)');
  expect(await code(download(url))).toBe('NotAZip');
  expect(readdirSync(folder)).toEqual([]);
});

test('follows a redirect within the host, refuses one to another host or in a loop', async () => {
  let target = '/zip';
  const seen: unknown[] = [];
  const elsewhere = await serve((request) => void seen.push(request.url));
  const url = await serve((request, response) => {
    if (request.url === '/zip') sendZip(request, response);
    else response.writeHead(302, { location: target }).end();
  });
  expect(await download(url)).toMatchObject({ sha256 });
  target = `${elsewhere}/zip`;
  expect(await code(download(url))).toBe('RedirectRefused');
  expect(await code(fetchPage(url, { signal: never }))).toBe('RedirectRefused');
  expect(await code(zipFacts(url, { signal: never }))).toBe('RedirectRefused');
  target = '/round';
  expect(await code(download(url))).toBe('RedirectRefused');
  expect(seen).toEqual([]);
});

test('names the HTTP status in the error', async () => {
  const url = await serve((_request, response) => void response.writeHead(503).end());
  expect(await code(download(url))).toBe('DownloadFailed');
  await expect(fetchPage(url, { signal: never })).rejects.toThrow('status 503');
  expect(await code(fetchPage(url, { signal: never }))).toBe('PageUnreachable');
});

test('reports a missing server as unreachable', async () => {
  const url = await serve(() => {});
  servers.pop()?.close();
  expect(await code(fetchPage(url, { signal: never }))).toBe('PageUnreachable');
  await expect(download(url)).rejects.toThrow('ECONNREFUSED');
});

test('refuses a zip that does not fit on the disk before its first byte, and names both sizes', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { etag: '"huge"', 'content-length': 9e15 }).flushHeaders();
  });
  await expect(download(url)).rejects.toThrow(/needs 9000000000 MB and has \d+ MB free/);
  expect(await code(download(url))).toBe('NoSpace');
});

test('the signal ends a download with its reason, and keeps what arrived', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { etag: '"one"', 'content-length': zip.length }).write(zip.subarray(0, 50_000));
  });
  const abort = new AbortController();
  const onProgress = (bytes: number) => bytes === 50_000 && abort.abort(new Error('cancelled by a person'));
  await expect(download(url, { signal: abort.signal, onProgress })).rejects.toThrow('cancelled by a person');
  expect(readFileSync(`${path()}.part`)).toHaveLength(50_000);
});

test('returns the page as text, and stops reading an endless one', async () => {
  let isEndless = false;
  const url = await serve((_request, response) => {
    if (isEndless) response.writeHead(200).end(Buffer.alloc(6_000_000, ' '));
    else response.writeHead(200).end("<a href='./a.zip'>");
  });
  expect(await fetchPage(url, { signal: never })).toBe("<a href='./a.zip'>");
  isEndless = true;
  expect(await code(fetchPage(url, { signal: never }))).toBe('PageUnreachable');
});

test('knows length and ETag without a download, unless the server refuses HEAD', async () => {
  let isRefused = false;
  const url = await serve((request, response) => {
    if (isRefused) response.writeHead(405).end();
    else sendZip(request, response);
  });
  expect(await zipFacts(url, { signal: never })).toEqual({ etag: '"one"', sizeBytes: zip.length });
  isRefused = true;
  expect(await zipFacts(url, { signal: never })).toEqual({});
});

test('a HEAD with the length 0 says nothing about the length', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { etag: '"one"', 'content-length': 0 }).end();
  });
  expect(await zipFacts(url, { signal: never })).toEqual({ etag: '"one"' });
});

const html = "<a href='./a.zip'>".repeat(1000);
test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['gzip, br', (text: string) => brotliCompressSync(gzipSync(text))],
] as const)(
  'reads a page and a zip that arrive as %s although nobody asked for it',
  async (encoding, compress) => {
    const url = await serve((request, response) => {
      const body = compress((request.url === '/page' ? html : zip) as string);
      response.writeHead(200, { 'content-encoding': encoding, 'content-length': body.length }).end(body);
    });
    expect(await fetchPage(`${url}/page`, { signal: never })).toBe(html);
    expect(await download(`${url}/zip`)).toMatchObject({ sha256, sizeBytes: zip.length });
  },
);

test('a compressed page that breaks off, is endless, or has an unknown encoding is unreachable', async () => {
  let send: RequestListener = (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(html).subarray(0, 40));
  const url = await serve((request, response) => send(request, response));
  expect(await code(fetchPage(url, { signal: never }))).toBe('PageUnreachable');
  send = (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(6_000_000)));
  expect(await code(fetchPage(url, { signal: never }))).toBe('PageUnreachable');
  send = (_request, response) => response.writeHead(200, { 'content-encoding': 'zstd' }).end(html);
  await expect(fetchPage(url, { signal: never })).rejects.toThrow('content encoding zstd');
});

test.each([401, 403, 404, 410, 451])('status %i is about this file: it is not available', async (status) => {
  const url = await serve((_request, response) => void response.writeHead(status).end());
  await expect(download(url)).rejects.toThrow(`status ${status}`);
  expect(await code(download(url))).toBe('ReleaseUnavailable');
});

test.each([408, 425, 429, 500, 503])('status %i passes: the download is tried again', async (status) => {
  const url = await serve((_request, response) => void response.writeHead(status).end());
  expect(await code(download(url))).toBe('DownloadFailed');
});
