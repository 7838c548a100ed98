import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { writeDurably } from '../durable.ts';
import type { DownloadedZip } from './download.ts';

const notePath = (path: string) => `${path}.json`;

/** Notes what is known about a zip that is complete and tested, so that the next run need not download it again. */
export function writeWholeNote(path: string, zip: DownloadedZip): Promise<void> {
  return writeDurably(notePath(path), JSON.stringify(zip));
}

/** The note of a complete zip; undefined when there is none. Compare the sha256: the zip itself may have changed or gone. */
export async function readWholeNote(path: string): Promise<DownloadedZip | undefined> {
  try {
    return JSON.parse(await readFile(notePath(path), 'utf8')) as DownloadedZip;
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    // A file that is not JSON is not our note.
    if (isAbsent || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export const discardWholeNote = (path: string): Promise<void> => rm(notePath(path), { force: true });

/** The sha256 of a file; undefined when there is no such file. */
export async function sha256Of(path: string, signal: AbortSignal): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash, { signal });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}
