import process from 'node:process';
import type { MeasuredRun } from './worker-process.ts';

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A table for terminals: the first column to the left, the others to the right. */
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

/** What the worker's process held. */
export function memoryLine(
  name: string,
  { idleMb, peakMb }: { readonly idleMb: number; readonly peakMb: number },
): string {
  const more = (peakMb - idleMb).toFixed(0);
  return `resident memory of the worker, ${name}: idle ${idleMb.toFixed(0)} MB, at most ${peakMb.toFixed(0)} MB (+${more})`;
}

/** One stage of a load; CPU of worker and server together, where it can be told. */
export interface Stage {
  readonly seconds: number;
  readonly cpuSeconds?: number;
}

/** What every load benchmark gives under `--json`. */
export function asJson(
  rows: number,
  { idleMb, peakMb, cpu }: MeasuredRun,
  limitSeconds: number,
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
    limitRowsPerSecond: rows / limitSeconds,
    ratioToLimit: limitSeconds / seconds,
    cpuMicrosPerRow: ((cpu.worker + cpu.server) * 1e6) / rows,
    peakRssMb: peakMb,
    idleRssMb: idleMb,
  };
}
