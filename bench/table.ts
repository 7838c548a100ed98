import process from 'node:process';
import type { MeasuredRun } from './worker-process.ts';

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a table: the first column aligned to the left, the others to the right. */
export function sayTable(head: readonly string[], rows: ReadonlyArray<readonly string[]>): void {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of [head, ...rows]) {
    say(
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    );
  }
}

/** A line about the worker's resident memory. */
export function memoryLine(
  name: string,
  { idleMb, peakMb }: { readonly idleMb: number; readonly peakMb: number },
): string {
  const more = (peakMb - idleMb).toFixed(0);
  return `resident memory of the worker, ${name}: idle ${idleMb.toFixed(0)} MB, peak ${peakMb.toFixed(0)} MB (+${more})`;
}

/** One stage of a load; `cpuSeconds` is the CPU time of worker and server together, when known. */
export interface Stage {
  readonly seconds: number;
  readonly cpuSeconds?: number;
}

/** The JSON value of a load benchmark. */
export function asJson(
  rows: number,
  { idleMb, peakMb, cpu }: MeasuredRun,
  limit: Required<Stage>,
  stages: Readonly<Record<string, Stage>>,
  total: string,
) {
  const seconds = stages[total]?.seconds ?? Number.NaN;
  return {
    rows,
    stages,
    seconds,
    cpuSeconds: cpu,
    rowsPerSecond: rows / seconds,
    limitRowsPerSecond: rows / limit.seconds,
    ratioToLimit: limit.seconds / seconds,
    cpuMicrosPerRow: ((cpu.worker + cpu.server) * 1e6) / rows,
    limitCpuMicrosPerRow: (limit.cpuSeconds * 1e6) / rows,
    peakRssMb: peakMb,
    idleRssMb: idleMb,
  };
}
