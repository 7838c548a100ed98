import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The built command. */
export const cli = fileURLToPath(new URL('../../dist/client/cli.js', import.meta.url));

/** Exit code and output of a finished command. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `surgicase …` in its own process, configured by this environment only. */
export function surgicase(args: readonly string[], env: NodeJS.ProcessEnv, cwd?: string): Promise<Ended> {
  const path = process.env['PATH'];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, ...args],
      { env: { PATH: path, HOME: process.env['HOME'], ...env }, cwd },
      (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
    );
  });
}
