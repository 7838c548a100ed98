import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { platform } from 'node:os';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { NpiUpdateResult } from '../contract/workflows.ts';

/** CPU seconds of the worker and the server. */
export interface Cpu {
  readonly worker: number;
  readonly server: number;
}

/** What a run did, and its cost since its zip was on this host. */
export interface MeasuredRun {
  readonly result: NpiUpdateResult;
  readonly idleMb: number;
  readonly peakMb: number;
  readonly cpu: Cpu;
  /** The worker's log, by message: the last line with each message. */
  readonly lines: ReadonlyMap<string, LogLine>;
}

export interface LogLine {
  /** The field `seconds` of the line. */
  readonly seconds: number;
  /** CPU time of worker and server since the zip was on this host. */
  readonly cpuSeconds: number;
}

/** The built command. */
export const cli = fileURLToPath(new URL('../client/cli.js', import.meta.url));
const sampleEveryMs = 100;
// A worker that has just started still holds the memory that its start needed.
const settleMs = 5000;

/** Runs `work` with a worker in a separate process, and measures worker and server. */
export async function withWorker(
  env: NodeJS.ProcessEnv,
  serverPid: number,
  work: () => Promise<NpiUpdateResult>,
): Promise<MeasuredRun> {
  const worker = spawn(process.execPath, [cli, 'worker'], {
    env: { ...process.env, ...env, LOG_LEVEL: 'info', LOG_FORMAT: 'json' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  const pid = worker.pid ?? 0;
  const now = (): Cpu => ({ worker: cpuSeconds(pid), server: cpuSeconds(serverPid) });
  const lines = new Map<string, LogLine>();
  let start: Cpu = { worker: 0, server: 0 };
  const since = () => {
    const { worker: ours, server } = now();
    return { worker: ours - start.worker, server: server - start.server };
  };
  await new Promise<void>((resolve) => {
    createInterface(worker.stderr).on('line', (text) => {
      if (!text.startsWith('{')) return;
      const { message, seconds = 0 } = JSON.parse(text) as { message: string; seconds?: number };
      if (message.includes('worker is ready')) resolve();
      if (message === 'downloaded') start = now();
      const spent = since();
      lines.set(message, { seconds, cpuSeconds: spent.worker + spent.server });
    });
  });
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const idleMb = residentMb(pid);
  let peakMb = idleMb;
  const timer = setInterval(() => {
    peakMb = Math.max(peakMb, residentMb(pid));
  }, sampleEveryMs);
  try {
    start = now();
    const result = await work();
    return { result, idleMb, peakMb, cpu: since(), lines };
  } finally {
    clearInterval(timer);
    worker.kill('SIGTERM');
    await exit;
  }
}

function residentMb(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1000;
}

/** User and system time of a process. `ps` reports whole seconds on every system; Linux also reports hundredths. */
export function cpuSeconds(pid: number): number {
  if (platform() !== 'linux') {
    const time = execFileSync('ps', ['-o', 'time=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return time.split(/[:-]/).reduce((sum, part) => sum * 60 + Number(part), 0);
  }
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
