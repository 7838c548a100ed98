import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { reason, type Answer, type Ask } from './request.ts';
import { NppesError } from '../errors.ts';

/**
 * Answers for a file of this host as a web server does, with ETag, length, HEAD, and a range of the very file that an
 * ETag names; for a folder with a page that links what is in it.
 * @throws NppesError `failure` when there is nothing that this process may read; the signal's reason.
 */
export async function askFile({ url, signal, failure, method = 'GET', headers = {} }: Ask): Promise<Answer> {
  try {
    const path = fileURLToPath(url);
    const found = await stat(path);
    if (found.isDirectory()) return await folderPage(path);
    const etag = `"${found.size.toString(16)}-${Math.trunc(found.mtimeMs).toString(16)}"`;
    const start = headers['if-range'] === etag ? rangeStart(headers['range']) : undefined;
    const body =
      method === 'HEAD' ? Readable.from([]) : createReadStream(path, { start: start ?? 0, signal });
    // A file that is left unread tells of no failure; a reader gets its own.
    body.on('error', () => undefined);
    return {
      statusCode: start === undefined ? 200 : 206,
      headers: {
        etag,
        'content-length': String(found.size - (start ?? 0)),
        ...(start !== undefined && { 'content-range': `bytes ${start}-${found.size - 1}/${found.size}` }),
      },
      body,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw new NppesError(failure, `${url} cannot be read on the host ${hostname()}: ${reason(error)}.`, {
      cause: error,
    });
  }
}

async function folderPage(folder: string): Promise<Answer> {
  const names = await readdir(folder);
  // Whole addresses: with a relative one the folder's own would have to end with a slash.
  const links = names.map((name) => `<a href="${pathToFileURL(join(folder, name)).href}">`);
  return {
    statusCode: 200,
    headers: { 'content-type': 'text/html' },
    body: Readable.from([Buffer.from(links.join('\n'))]),
  };
}

function rangeStart(range = ''): number | undefined {
  const digits = /^bytes=(\d+)-$/.exec(range)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
