import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';

const memory = '/dev/shm';
/** All tests leave 3.2 GB there at most, and the servers and workers beside it take as much. */
const neededBytes = 7 * 1024 ** 3;

/**
 * Sets TMPDIR for this process, every test file and the programs they start. The servers write thousands of small files
 * and wait for the disk after each, so memory is about twice as fast. A TMPDIR that is already set wins.
 */
export function keepTemporaryFoldersInMemory(): void {
  if (process.env['TMPDIR'] === undefined && isUsable()) process.env['TMPDIR'] = memory;
}

/** Containers often have a /dev/shm of 64 MB, or one that refuses to run the programs some tests write. */
function isUsable(): boolean {
  if (!existsSync(memory) || !existsSync('/proc/mounts')) return false;
  const mount = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .findLast((line) => line.split(' ')[1] === memory);
  if (mount === undefined || mount.includes('noexec')) return false;
  const { bavail, bsize } = statfsSync(memory);
  // Other files there, and other programs, take memory that the folder's size does not show.
  return Math.min(bavail * bsize, freemem()) >= neededBytes;
}
