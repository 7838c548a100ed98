import { statfsSync } from 'node:fs';
import { cacheDir } from './bootstrap/host.js';
import { LocalError } from './service.ts';

/** A start cannot use a file or folder. The message names it and says what to do. */
export class FileProblem extends LocalError {}

const meanings: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  EACCES: ['belongs to another user, or this user may not write to it', 'elsewhere'],
  EPERM: ['belongs to another user, or this user may not write to it', 'elsewhere'],
  EROFS: ['is on a read-only disk', 'elsewhere'],
  // This is what Node reports of a recursive mkdir on a read-only disk.
  ENOENT: ['cannot be created: its disk is read-only, or the folder above it is gone', 'elsewhere'],
  ENOTDIR: ['needs a folder where there is a file', 'rename'],
  EEXIST: ['is a file, but must be a folder', 'rename'],
  EISDIR: ['is a folder, but must be a file', 'rename'],
  ENOSPC: ['does not fit on its disk, which is full', 'space'],
  EDQUOT: ["does not fit into this user's disk quota", 'space'],
};

/** What a person can do about an error of the file system; undefined for any other error. */
export function fileProblem(error: unknown): FileProblem | undefined {
  if (error instanceof FileProblem) return error;
  const { code = '', path, syscall } = error as NodeJS.ErrnoException;
  const [problem, remedy] = meanings[code] ?? [];
  if (problem === undefined || (code === 'ENOENT' && syscall !== 'mkdir')) return undefined;
  // The error of a write names no file.
  return new FileProblem(
    `${path ?? 'A file of this start'} ${problem} (${code}). ${remedyFor(remedy, path)}`,
  );
}

function remedyFor(remedy: string | undefined, path = ''): string {
  if (remedy === 'space') return 'Free some space and start again.';
  if (remedy === 'rename') return 'Rename it, or start in another folder.';
  return path.startsWith(cacheDir())
    ? 'Set XDG_CACHE_HOME to a folder that you can write to.'
    : 'Start in a folder that you can write to, or change the owner of this one.';
}

// Below this MySQL cannot create its data folder, and Temporal cannot extend its database.
const neededBytes = 50e6;

/** Names the first of these folders whose disk is as good as full: programs that a start runs report that in many ways. */
export function fullDisk(folders: readonly string[]): FileProblem | undefined {
  for (const folder of folders) {
    const freeBytes = freeSpace(folder);
    if (freeBytes >= neededBytes) continue;
    const freeMb = Math.floor(freeBytes / 1e6);
    return new FileProblem(
      `The disk of ${folder} is full: ${freeMb} MB are free. Free some space and start again.`,
    );
  }
  return undefined;
}

function freeSpace(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    // A folder that does not exist yet says nothing about its disk.
    return Infinity;
  }
}
