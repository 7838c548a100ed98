import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The command as it is built. */
export const cli = fileURLToPath(new URL('../../dist/client/cli.js', import.meta.url));

/** What a person sees of a command that has ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `surgicase …` as a process of its own, with this environment and nothing else configured. */
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
