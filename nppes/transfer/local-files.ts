import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { NppesError, reason } from '../errors.ts';
import type { SourceRequest, SourceResponse } from './request.ts';

/**
 * Responds for a file on this host as a web server does: with an ETag and a length, to HEAD, and with a range if the
 * request names the ETag. For a folder it responds with a page that links the files in the folder.
 * @throws NppesError `failure` when this process cannot read the path, ReleaseUnavailable instead of DownloadFailed when
 * there is no such file; the signal's reason.
 */
export async function requestFromDisk({
  url,
  signal,
  failure,
  method = 'GET',
  headers = {},
}: SourceRequest): Promise<SourceResponse> {
  try {
    const path = fileURLToPath(url);
    const found = await stat(path);
    if (found.isDirectory()) return await folderPage(path);
    const etag = `"${found.size.toString(16)}-${Math.trunc(found.mtimeMs).toString(16)}"`;
    const start = headers['if-range'] === etag ? rangeStart(headers['range']) : undefined;
    const body =
      method === 'HEAD' ? Readable.from([]) : createReadStream(path, { start: start ?? 0, signal });
    // Without a listener, an error of a body that nobody reads would end the process. A reader gets its own error.
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
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const code = isAbsent && failure === 'DownloadFailed' ? 'ReleaseUnavailable' : failure;
    throw new NppesError(code, `Could not read ${url} on the host ${hostname()}: ${reason(error)}.`, {
      cause: error,
    });
  }
}

async function folderPage(folder: string): Promise<SourceResponse> {
  const names = await readdir(folder);
  // Absolute addresses: relative ones work only if the folder's own address ends with a slash.
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
