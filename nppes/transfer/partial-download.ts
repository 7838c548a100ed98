import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';

/** What the server said about the zip whose first bytes are in the part. */
export interface PartNote {
  /** A strong ETag or the Last-Modified date, for If-Range. Without one, a part cannot be continued. */
  readonly validator?: string;
  readonly etag?: string;
  readonly totalBytes?: number;
}

/** An interrupted download; `hash` covers its `offsetBytes` bytes. */
export interface Part extends PartNote {
  readonly validator: string;
  readonly offsetBytes: number;
  readonly hash: Hash;
}

export const partPath = (path: string) => `${path}.part`;
const notePath = (path: string) => `${path}.part.json`;

/** Writes the note. Call it before the first byte of the part, so that a part never has the note of another zip. */
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

/** The part that a download can continue, with its bytes hashed; undefined when the download must start over. */
export async function readPart(path: string, signal: AbortSignal): Promise<Part | undefined> {
  const note = await readNote(path);
  const found = await stat(partPath(path)).catch(absent);
  if (note?.validator === undefined || found === undefined || found.size === 0) return undefined;
  // The last byte of a complete part is requested again: only the response shows that the zip is still the same.
  const offsetBytes = Math.min(found.size, (note.totalBytes ?? Infinity) - 1);
  await truncate(partPath(path), offsetBytes);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(partPath(path), { signal })) hash.update(chunk as Buffer);
  return { ...note, validator: note.validator, offsetBytes, hash };
}

async function readNote(path: string): Promise<PartNote | undefined> {
  const text = await readFile(notePath(path), 'utf8').catch(absent);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as PartNote);
  } catch {
    // The process died while it wrote the note. Without a note the part is useless, so the download starts over.
    return undefined;
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
