import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Written by `surgicase start` into its state folder: which process it is. */
export const claimFile = (stateDir: string): string => join(stateDir, 'start.pid');

/** What the claim of this process says: its number, and what tells it from a later process with the same number. */
export function ownClaim(): string {
  return `${process.pid} ${startOf(process.pid)}`;
}

/** The process of the `surgicase start` that runs in a state folder; undefined when there is none. */
export function runningStart(stateDir: string): number | undefined {
  const [pid = '', start] = readClaim(stateDir).split(/ (.*)/s);
  return start !== undefined && start !== '' && start === startOf(Number(pid)) ? Number(pid) : undefined;
}

function readClaim(stateDir: string): string {
  try {
    return readFileSync(claimFile(stateDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** When a process began, in the words of this system; empty when no such process runs. */
function startOf(pid: number): string {
  if (process.platform === 'linux') return startOnLinux(pid);
  try {
    const ps = ['TZ=UTC', 'LC_ALL=C', 'ps', '-o', 'lstart=', '-p', String(pid)];
    return execFileSync('env', ps, { encoding: 'utf8' }).trim();
  } catch {
    // ps ends with 1 when no process has this number.
    return '';
  }
}

// proc(5): the fields after the name in parentheses are the state (the 3rd of all) and, as the 22nd, the start in ticks
// since boot. `ps` rounds the same time to seconds and can answer one second more or less, so it is not asked here.
const startField = 22 - 3;

function startOnLinux(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const isZombie = fields[0] === 'Z';
    return isZombie ? '' : (fields[startField] ?? '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
