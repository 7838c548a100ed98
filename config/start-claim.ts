import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The file in which `surgicase start` records its process id and start time, in its state folder. */
export const claimFile = (stateDir: string): string => join(stateDir, 'start.pid');

/** The claim of this process: its id, and its start time, which distinguishes it from a later process with the same id. */
export function ownClaim(): string {
  return `${process.pid} ${startOf(process.pid)}`;
}

/** The process id of the `surgicase start` that owns a state folder; undefined when none is running. */
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

/** The start time of a process, in the format of this system; empty when no such process runs. */
function startOf(pid: number): string {
  if (process.platform === 'linux') return startOnLinux(pid);
  try {
    const ps = ['TZ=UTC', 'LC_ALL=C', 'ps', '-o', 'lstart=', '-p', String(pid)];
    return execFileSync('env', ps, { encoding: 'utf8' }).trim();
  } catch {
    // ps exits with 1 when no process has this id.
    return '';
  }
}

// proc(5): after the name in parentheses come the state (field 3) and, as field 22, the start time in ticks since boot.
// Linux does not use `ps`, which rounds this time to seconds, so that two calls can differ by one second.
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
