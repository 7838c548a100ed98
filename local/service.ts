import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from './bootstrap/steps.js';

/** A service cannot start. The message says what was tried and what to do. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}

/** What the start of a service needs from the start that it belongs to. */
export interface StartContext {
  readonly stateDir: string;
  /** Fires when the start is stopped while its services start. */
  readonly signal: AbortSignal;
  /** Measures what takes time, and shows it. */
  readonly step: Step;
  /** Receives each attempt to find or start a service, for `--verbose`. */
  onAttempt(line: string): void;
}

/** The context of services that nobody watches or stops while they start. */
export function unwatched(stateDir: string): StartContext {
  const { signal } = new AbortController();
  return { stateDir, signal, step: (_, work) => work(), onAttempt: () => undefined };
}

/** A service on this host that a command started or found running. */
export interface LocalService {
  /** Which service it is and why it was chosen, for people. */
  readonly line: string;
  /** Resolves when the process of the service exits unexpectedly; absent when there is no process. */
  readonly ended?: Promise<void>;
  stop(): Promise<void>;
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
  /** Ends it at once, while it is still starting. Its next start recovers. */
  kill(): Promise<void>;
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
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(timer);
    rmSync(pidFile, { force: true });
  };
  return { child, ended, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
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

/** Repeats the check until it is true; returns false after `timeoutMs`, and when `signal` fires. */
export async function until(
  isTrue: () => Promise<boolean>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const endsAt = performance.now() + timeoutMs;
  const isOver = () => performance.now() >= endsAt || signal?.aborted === true;
  while (!isOver()) {
    if (await isTrue()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

/**
 * Waits until a server that was just started answers. Ends it when it does not within `timeoutMs`, and at once when
 * `signal` fires.
 */
export async function comesUp(
  server: OwnedProcess,
  answers: () => Promise<boolean>,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const isUp = await Promise.race([until(answers, timeoutMs, signal), server.ended.then(() => false)]);
  if (!isUp) await server.kill();
  return isUp;
}

/** What went wrong in one line: the first error that a failed program printed, or the last line. */
export function reasonOf(error: unknown): string {
  const lines = (error as Error).message.trim().split('\n');
  return lines.find((line) => /\[ERROR\]|^ERROR|^E: /.test(line)) ?? lines.at(-1) ?? '';
}
