import { createReadStream, readdirSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { LocalService } from './service.ts';

/** A download page like that of CMS, on loopback. */
export interface CmsReplica extends LocalService {
  readonly url: string;
}

const pagePath = '/nppes/NPI_Files.html';

/** Serves the zips of a folder and a page that lists them, with HEAD, ETag, Range and If-Range as CMS's server does. */
export async function startCmsReplica({
  folder,
  port: wanted = 0,
}: {
  readonly folder: string;
  /** Any free port when absent. */
  readonly port?: number;
}): Promise<CmsReplica> {
  const server = createServer((request, response) => {
    answer(folder, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(wanted, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}${pagePath}`;
  return {
    url,
    line: url,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  const zips = readdirSync(folder).filter((name) => name.endsWith('.zip'));
  if (path === pagePath) {
    response.setHeader('content-type', 'text/html').end(page(zips));
    return;
  }
  // Serve only names that the folder lists, so that no path leads out of it.
  const name = zips.find((zip) => zip === basename(path));
  if (name === undefined) {
    response.writeHead(404).end('Not found\n');
    return;
  }
  await sendZip(join(folder, name), request, response);
}

async function sendZip(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { size, mtime } = statSync(path);
  const etag = `"${size.toString(16)}-${mtime.getTime().toString(16)}"`;
  const range = wantedRange(request, etag, size);
  if (range && range.start >= size) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.writeHead(range ? 206 : 200, {
    'content-type': 'application/zip',
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    'last-modified': mtime.toUTCString(),
    etag,
    ...(range && { 'content-range': `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === 'HEAD') response.end();
  else await pipeline(createReadStream(path, { start, end }), response);
}

/** The requested range; undefined when there is none, or If-Range names another version of the file. */
function wantedRange({ headers }: IncomingMessage, etag: string, size: number) {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  if (from === undefined) return undefined;
  if (headers['if-range'] !== undefined && headers['if-range'] !== etag) return undefined;
  return { start: Number(from), end: to ? Math.min(Number(to), size - 1) : size - 1 };
}

/** Malformed on purpose, as CMS's page is: two doctypes, stray tags, single quotes, meaningless ids. */
function page(zips: readonly string[]): string {
  const items = zips.map(
    (name, i) => `<LI><A id=SAMPLE.ZIP.D${i} href='./${name}'>${name.replaceAll('_', ' ')}</a> (ZIP)`,
  );
  return [
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">',
    '<!DOCTYPE html>',
    '<HTML><HEAD><META http-equiv="Content-Type" content="text/html; charset=ISO-8859-1">',
    '<TITLE>NPI Files (sample)</TITLE></HEAD><BODY><DIV class="mainbox"><TABLE><TBODY><TR><td>',
    '<b>These files are generated. No real provider is in them.</b>',
    '<ul>',
    ...items,
    '</ul></DIV></td></BODY></HTML>',
    '',
  ].join('\n');
}
