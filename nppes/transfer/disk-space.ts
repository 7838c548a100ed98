import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NppesError } from '../errors.ts';

/** Bytes as `7.4 MB` or `1.2 GB` (powers of 1,000, as CMS and disk makers count). */
export const sized = (sizeBytes: number): string =>
  sizeBytes < 1e9 ? `${(sizeBytes / 1e6).toFixed(1)} MB` : `${(sizeBytes / 1e9).toFixed(1)} GB`;

/** Bytes that this user can still write to a folder. If the folder does not exist, its nearest existing parent counts. */
export async function freeBytesIn(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return freeBytesIn(dirname(resolve(folder)));
  }
}

/** @throws NppesError NoSpace when the folder of `path` does not have `needBytes` free. */
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
