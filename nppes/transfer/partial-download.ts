import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm, stat, statfs, truncate, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NppesError } from '../errors.ts';

/** What the server said of the zip whose first bytes lie in the part. */
export interface PartNote {
  /** A strong ETag, or the Last-Modified date: what If-Range may hold. Without one a part cannot be continued. */
  readonly validator?: string;
  readonly etag?: string;
  readonly totalBytes?: number;
}

/** A download that was cut off; `hash` is that of its `offsetBytes` bytes. */
export interface Part extends PartNote {
  readonly validator: string;
  readonly offsetBytes: number;
  readonly hash: Hash;
}

export const partPath = (path: string) => `${path}.part`;
const notePath = (path: string) => `${path}.part.json`;

/** Written before the first byte of the part, so that no part stands beside the note of another zip. */
export async function writeNote(path: string, note: PartNote): Promise<void> {
  await writeFile(notePath(path), JSON.stringify(note));
}

export async function discardPart(path: string): Promise<void> {
  await rm(partPath(path), { force: true });
  await rm(notePath(path), { force: true });
}

export async function discardNote(path: string): Promise<void> {
  await rm(notePath(path), { force: true });
}

/** The part that a download may go on from, its bytes hashed; undefined when it must begin anew. */
export async function readPart(path: string, signal: AbortSignal): Promise<Part | undefined> {
  const note = await readNote(path);
  const found = await stat(partPath(path)).catch(absent);
  if (note?.validator === undefined || found === undefined || found.size === 0) return undefined;
  // Of a part that is complete the last byte is asked for again, because the server has to say that it still is.
  const offsetBytes = Math.min(found.size, (note.totalBytes ?? Infinity) - 1);
  await truncate(partPath(path), offsetBytes);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(partPath(path), { signal })) hash.update(chunk as Buffer);
  return { ...note, validator: note.validator, offsetBytes, hash };
}

/** What this user may still write into a folder; of one that is not there yet, into the nearest above it. */
export async function freeBytesIn(folder: string): Promise<number> {
  const found = await statfs(folder).catch(absent);
  if (found === undefined) return freeBytesIn(dirname(resolve(folder)));
  return found.bavail * found.bsize;
}

/** @throws NppesError NoSpace when `needBytes` more do not fit beside `path`. */
export async function ensureSpace(path: string, needBytes: number): Promise<void> {
  const folder = dirname(path);
  const freeBytes = await freeBytesIn(folder);
  if (freeBytes >= needBytes) return;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  throw new NppesError(
    'NoSpace',
    `${folder} needs ${megabytes(needBytes)} and has ${megabytes(freeBytes)} free.`,
  );
}

async function readNote(path: string): Promise<PartNote | undefined> {
  const text = await readFile(notePath(path), 'utf8').catch(absent);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as PartNote);
  } catch {
    // Cut off while it was written: the part is worth nothing without it, and the download begins anew.
    return undefined;
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
