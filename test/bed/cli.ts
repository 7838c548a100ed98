import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { errorForm, jsonForms } from '../../scripts/reference/json-schemas.ts';

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
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [cli, ...args],
      { env: { PATH: path, HOME: process.env['HOME'], ...env }, cwd },
      (error, out, err) => {
        try {
          if (args.includes('--json')) checkJson(args, out);
          resolve({ code: Number(error?.code ?? 0), out, err });
        } catch (problem) {
          reject(problem);
        }
      },
    );
  });
}

/** Checks the output of a command against docs/json-output.md. @throws when it has none of the documented forms */
function checkJson(args: readonly string[], out: string): void {
  const words = args.filter((word) => !word.startsWith('-'));
  const forms = jsonForms[words.slice(0, 2).join(' ')] ?? jsonForms[words[0] ?? ''] ?? [];
  z.union([errorForm.schema, ...forms.map(({ schema }) => schema)]).parse(JSON.parse(out));
}
