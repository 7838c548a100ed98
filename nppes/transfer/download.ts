import { createHash, type Hash } from 'node:crypto';
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NppesError, type NppesErrorCode } from '../errors.ts';
import { contentLength, etagOf, header, reason, type Answer } from './request.ts';
import { ask } from './ask.ts';
import { discardNote, discardPart, ensureSpace, partPath, readPart, writeNote } from './partial-download.ts';
import type { Part, PartNote } from './partial-download.ts';

export interface ZipDownload {
  readonly url: string;
  /** Where the zip is to lie when it is whole and tested; until then it is `<path>.part`. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** Bytes on disk so far, those of an earlier attempt included; `totalBytes` where the server says. */
  onProgress(bytes: number, totalBytes: number | undefined): void;
  /** Throws NppesError when the file is no sound zip. */
  test(path: string): Promise<void>;
}

export interface DownloadedZip {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly etag?: string;
}

/**
 * Downloads a zip, going on where an earlier attempt was cut off. Two downloads to one path must not run at once.
 *
 * A zip that fails its test as damaged is fetched once more from its first byte.
 * @throws NppesError DownloadFailed (what arrived is kept), RedirectRefused, NotAZip, ZipDamaged (twice), NoSpace,
 * and what `test` throws; the signal's reason.
 */
export async function downloadZip(download: ZipDownload): Promise<DownloadedZip> {
  await mkdir(dirname(download.path), { recursive: true });
  try {
    return await fetchAndTest(download);
  } catch (error) {
    if (!(error instanceof NppesError) || error.code !== 'ZipDamaged') throw error;
    return fetchAndTest(download);
  }
}

/** After these what has arrived is good, and the next attempt goes on from it. */
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
  await rename(partPath(path), path);
  await discardNote(path);
  return zip;
}

async function fetchPart(download: ZipDownload): Promise<DownloadedZip> {
  const { url, path, signal } = download;
  const part = await readPart(path, signal);
  const headers = part && { range: `bytes=${part.offsetBytes}-`, 'if-range': part.validator };
  const answer = await ask({ url, signal, failure: 'DownloadFailed', ...(headers && { headers }) });
  try {
    if (part && continues(answer, part)) return await receive(download, answer, part, part);
    if (answer.statusCode !== 200) return await refuse(download, answer);
    const note = noteOf(answer);
    await discardPart(path);
    await ensureSpace(path, note.totalBytes ?? 0);
    await writeNote(path, note);
    return await receive(download, answer, note, { offsetBytes: 0, hash: createHash('sha256') });
  } finally {
    answer.body.destroy();
  }
}

/** 206 from the very byte: a server that ignores Range or has another zip by now answers 200 with all of it. */
function continues(answer: Answer, part: Part): boolean {
  if (answer.statusCode !== 206) return false;
  return header(answer, 'content-range')?.startsWith(`bytes ${part.offsetBytes}-`) ?? false;
}

async function refuse({ url, path }: ZipDownload, answer: Answer): Promise<never> {
  // The server cannot go on from this part (206 of another range, 416): the next attempt begins anew.
  if (answer.statusCode === 206 || answer.statusCode === 416) await discardPart(path);
  throw new NppesError('DownloadFailed', `${url} answers with status ${answer.statusCode}.`);
}

function noteOf(answer: Answer): PartNote {
  const etag = etagOf(answer);
  const totalBytes = contentLength(answer);
  // A weak ETag promises the same meaning, not the same bytes; If-Range must not hold it (RFC 9110, 13.1.5).
  const validator = etag !== undefined && !etag.startsWith('W/') ? etag : header(answer, 'last-modified');
  return {
    ...(validator !== undefined && { validator }),
    ...(etag !== undefined && { etag }),
    ...(totalBytes !== undefined && { totalBytes }),
  };
}

async function receive(
  download: ZipDownload,
  answer: Answer,
  { etag, totalBytes }: PartNote,
  { offsetBytes, hash }: { readonly offsetBytes: number; readonly hash: Hash },
): Promise<DownloadedZip> {
  const { url, path, signal } = download;
  let sizeBytes = offsetBytes;
  const file = await open(partPath(path), offsetBytes === 0 ? 'w' : 'a');
  try {
    const bytes = answer.body as AsyncIterable<Buffer>;
    for await (const chunk of offsetBytes === 0 ? zipOnly(url, answer, bytes) : bytes) {
      await write(file, chunk, path);
      hash.update(chunk);
      sizeBytes += chunk.length;
      download.onProgress(sizeBytes, totalBytes);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NppesError) throw error;
    const progress = `after ${sizeBytes} of ${totalBytes ?? 'unknown'} bytes`;
    throw new NppesError('DownloadFailed', `${url} broke off ${progress}: ${reason(error)}.`, {
      cause: error,
    });
  } finally {
    await file.close();
  }
  if (totalBytes !== undefined && sizeBytes !== totalBytes) {
    throw new NppesError('DownloadFailed', `${url} ended at ${sizeBytes} of ${totalBytes} bytes.`);
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

/** The bytes themselves, unless they begin as no zip does: a proxy's or a login page's HTML comes with status 200. */
async function* zipOnly(url: string, answer: Answer, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < zipStart.length) continue;
    if (!head.subarray(0, zipStart.length).equals(zipStart)) throw notAZip(url, answer);
    yield head;
    head = undefined;
  }
  if (head !== undefined) throw notAZip(url, answer);
}

function notAZip(url: string, answer: Answer): NppesError {
  const type = header(answer, 'content-type') ?? 'no content type';
  return new NppesError('NotAZip', `${url} sends something else than a zip (${type}).`);
}
