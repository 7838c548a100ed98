import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NppesError, reason, type NppesErrorCode } from '../errors.ts';
import { makeFolder, renameDurably } from '../durable.ts';
import { ensureSpace } from './disk-space.ts';
import { encodingsOf } from './content-encoding.ts';
import { contentLength, etagOf, header } from './headers.ts';
import { discardNote, discardPart, partPath, readPart, writeNote } from './partial-download.ts';
import type { Part, PartNote } from './partial-download.ts';
import { writeWholeNote } from './whole-zip.ts';
import { request, type Caller, type SourceResponse } from './request.ts';

export interface ZipDownload extends Caller {
  readonly url: string;
  /** Where the complete and tested zip goes; until then its bytes are in `<path>.part`. */
  readonly path: string;
  /** Bytes on disk so far, including those of an earlier attempt; `totalBytes` if the server sends it. */
  onProgress(bytes: number, totalBytes: number | undefined): void;
  /** Throws NppesError when the file is not an intact zip. */
  test(path: string): Promise<void>;
}

export interface DownloadedZip {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly etag?: string;
}

/**
 * Downloads a zip, and continues an earlier attempt that was interrupted. Two downloads to one path must not run at once.
 *
 * A zip that turns out to be damaged is downloaded once more from its first byte.
 * @throws NppesError DownloadFailed (the bytes that arrived are kept), ReleaseUnavailable (the server refuses this file, or
 * it is not on this disk), RedirectRefused, NotAZip, ZipDamaged (twice), NoSpace,
 * and what `test` throws; the signal's reason.
 */
export async function downloadZip(download: ZipDownload): Promise<DownloadedZip> {
  await makeFolder(dirname(download.path));
  try {
    return await fetchAndTest(download);
  } catch (error) {
    if (!(error instanceof NppesError) || error.code !== 'ZipDamaged') throw error;
    return fetchAndTest(download);
  }
}

/** After these failures the bytes that arrived are good, and the next attempt continues from them. */
const keepsPart: ReadonlySet<NppesErrorCode> = new Set(['DownloadFailed', 'RedirectRefused', 'NoSpace']);

async function fetchAndTest(download: ZipDownload): Promise<DownloadedZip> {
  const { path } = download;
  let zip: DownloadedZip;
  try {
    zip = await fetchPart(download);
    await download.test(partPath(path));
  } catch (error) {
    if (error instanceof NppesError && !keepsPart.has(error.code)) await discardPart(path);
    throw error;
  }
  await writeWholeNote(path, zip);
  await renameDurably(partPath(path), path);
  await discardNote(path);
  return zip;
}

async function fetchPart(download: ZipDownload): Promise<DownloadedZip> {
  const { url, path, signal, dispatcher } = download;
  const part = await readPart(path, signal);
  const headers = part && { range: `bytes=${part.offsetBytes}-`, 'if-range': part.validator };
  const response = await request({
    url,
    signal,
    dispatcher,
    failure: 'DownloadFailed',
    ...(headers && { headers }),
  });
  try {
    if (part && continues(response, part)) return await receive(download, response, part, part);
    if (response.statusCode !== 200) return await refuse(download, response);
    const note = noteOf(response);
    await discardPart(path);
    await ensureSpace(path, note.totalBytes ?? 0);
    await writeNote(path, note);
    return await receive(download, response, note, { offsetBytes: 0, hash: createHash('sha256') });
  } finally {
    response.body.destroy();
  }
}

/**
 * Whether the server sends the rest from exactly this byte (status 206). A server that ignores Range, or has another zip
 * by now, sends the whole zip with status 200.
 */
function continues(response: SourceResponse, part: Part): boolean {
  // A compressed part does not begin at a byte of the zip.
  if (response.statusCode !== 206 || encodingsOf(response).length > 0) return false;
  return header(response.headers, 'content-range')?.startsWith(`bytes ${part.offsetBytes}-`) ?? false;
}

async function refuse({ url, path }: ZipDownload, { statusCode }: SourceResponse): Promise<never> {
  // The server cannot continue this part (206 with another range, or 416), so the next attempt starts over.
  if (statusCode === 206 || statusCode === 416) await discardPart(path);
  const code = isRefusal(statusCode) ? 'ReleaseUnavailable' : 'DownloadFailed';
  throw new NppesError(code, `${url} returned status ${statusCode}.`);
}

// 416 concerns the range that we asked for. The others ask for patience: timeout, too early, too many requests.
const passing: ReadonlySet<number> = new Set([408, 416, 425, 429]);

/** Whether the server means this file, and not its own state. Asking for hours would not change the answer. */
const isRefusal = (statusCode: number) => statusCode >= 400 && statusCode < 500 && !passing.has(statusCode);

function noteOf({ headers }: SourceResponse): PartNote {
  const etag = etagOf(headers);
  const totalBytes = contentLength(headers);
  // A weak ETag promises the same meaning, not the same bytes, so If-Range must not use it (RFC 9110, 13.1.5).
  const validator = etag !== undefined && !etag.startsWith('W/') ? etag : header(headers, 'last-modified');
  return {
    ...(validator !== undefined && { validator }),
    ...(etag !== undefined && { etag }),
    ...(totalBytes !== undefined && { totalBytes }),
  };
}

async function receive(
  download: ZipDownload,
  response: SourceResponse,
  { etag, totalBytes }: PartNote,
  { offsetBytes, hash }: { readonly offsetBytes: number; readonly hash: Hash },
): Promise<DownloadedZip> {
  const { url, path, signal } = download;
  let sizeBytes = offsetBytes;
  const file = await open(partPath(path), offsetBytes === 0 ? 'w' : 'a');
  try {
    const bytes = response.body as AsyncIterable<Buffer>;
    for await (const chunk of offsetBytes === 0 ? zipOnly(url, response, bytes) : bytes) {
      await write(file, chunk, path);
      hash.update(chunk);
      sizeBytes += chunk.length;
      download.onProgress(sizeBytes, totalBytes);
    }
    await file.sync();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NppesError) throw error;
    const progress = `after ${sizeBytes} of ${totalBytes ?? 'unknown'} bytes`;
    throw new NppesError(
      'DownloadFailed',
      `The download of ${url} broke off ${progress}: ${reason(error)}.`,
      {
        cause: error,
      },
    );
  } finally {
    await file.close();
  }
  if (totalBytes !== undefined && sizeBytes !== totalBytes) {
    throw new NppesError(
      'DownloadFailed',
      `The download of ${url} ended after ${sizeBytes} of ${totalBytes} bytes.`,
    );
  }
  return { sha256: hash.digest('hex'), sizeBytes, ...(etag !== undefined && { etag }) };
}

async function write(file: FileHandle, chunk: Buffer, path: string): Promise<void> {
  try {
    await file.writeFile(chunk);
  } catch (error) {
    const isFull = (error as NodeJS.ErrnoException).code === 'ENOSPC';
    if (isFull) throw new NppesError('NoSpace', `${dirname(path)} is full.`, { cause: error });
    throw error;
  }
}

const zipStart = Buffer.from('PK\u0003\u0004', 'latin1');

/** Passes the bytes on if they begin like a zip. A proxy or a login page may send HTML with status 200. */
async function* zipOnly(
  url: string,
  response: SourceResponse,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < zipStart.length) continue;
    if (!head.subarray(0, zipStart.length).equals(zipStart)) throw notAZip(url, response);
    yield head;
    head = undefined;
  }
  if (head !== undefined) throw notAZip(url, response);
}

function notAZip(url: string, { headers }: SourceResponse): NppesError {
  const type = header(headers, 'content-type');
  const what = type === undefined ? 'is not a zip file' : `did not return a zip file (${type})`;
  return new NppesError('NotAZip', `${url} ${what}.`);
}
