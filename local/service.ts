import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';

/** A service cannot start. The message says what was tried and what to do. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}

/** A service on this host that a command started or found running. */
export interface LocalService {
  /** Which service it is and why it was chosen, for people. */
  readonly line: string;
  /** Resolves when the process of the service exits unexpectedly; absent when there is no process. */
  readonly ended?: Promise<void>;
  stop(): Promise<void>;
}

/** Where downloads and builds are kept between checkouts. */
export function cacheDir(): string {
  const base = platform() === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache');
  return join(process.env['XDG_CACHE_HOME'] ?? base, 'surgicase');
}

/** The path of a program on PATH. */
export function onPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/**
 * A child process in its own session, with its output in a file. Ctrl-C reaches only this process, which then stops the
 * children in order.
 */
export interface OwnedProcess {
  readonly child: ChildProcess;
  /** Resolves when the process has exited. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const stopMs = 20_000;
const owned = new Set<ChildProcess>();

/** Ends everything that `own` started and that still runs, at once. MySQL and Temporal recover at the next start. */
export function killOwned(): void {
  for (const child of owned) child.kill('SIGKILL');
}

/** Starts a program and records its pid, so that a later start can end it after a kill -9. */
export function own(folder: string, name: string, command: string, args: readonly string[]): OwnedProcess {
  mkdirSync(folder, { recursive: true });
  const log = openSync(join(folder, `${name}.log`), 'a');
  const child = spawn(command, [...args], { detached: true, stdio: ['ignore', log, log] });
  const pidFile = join(folder, `${name}.pid`);
  writeFileSync(pidFile, String(child.pid));
  owned.add(child);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve());
  }).finally(() => owned.delete(child));
  return {
    child,
    ended,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
      await ended;
      clearTimeout(timer);
      rmSync(pidFile, { force: true });
    },
  };
}

/** Ends the program that an earlier start left in this folder. Does nothing when its pid now belongs to another program. */
export async function endLeftover(
  folder: string,
  name: string,
  isOurs: (commandLine: string) => boolean,
): Promise<void> {
  const pidFile = join(folder, `${name}.pid`);
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  rmSync(pidFile, { force: true });
  if (!(await commandLineOf(pid).then(isOurs))) return;
  process.kill(pid, 'SIGTERM');
  await until(async () => !isOurs(await commandLineOf(pid)), stopMs);
}

/** The command line of a process; empty when the process does not exist. */
function commandLineOf(pid: number): Promise<string> {
  return new Promise((resolve) => {
    const ps = spawn('ps', ['-ww', '-o', 'args=', '-p', String(pid)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    ps.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    ps.once('error', () => resolve('')).once('close', () => resolve(text));
  });
}

/** Repeats the check until it is true; returns false after `timeoutMs`. */
export async function until(isTrue: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const endsAt = performance.now() + timeoutMs;
  while (performance.now() < endsAt) {
    if (await isTrue()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
