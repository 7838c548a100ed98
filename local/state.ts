import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { LocalError, commandLineOf } from './service.ts';

/** The right to use a state folder, until it is released. */
export interface StateClaim {
  release(): void;
}

/**
 * Claims a state folder for this process: two starts on the same data would ruin it. A claim that a kill left behind
 * is taken over.
 * @throws LocalError naming the process that has it
 */
export async function claimState(stateDir: string): Promise<StateClaim> {
  mkdirSync(stateDir, { recursive: true });
  const file = join(stateDir, 'start.pid');
  for (;;) {
    try {
      // Exclusive: of two starts at the same moment one makes the file.
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
    const commandLine = pid > 0 ? await commandLineOf(pid) : '';
    // A number that meanwhile belongs to another program is no start.
    if (commandLine.includes('cli.js') && commandLine.includes('start')) {
      throw new LocalError(
        `A start is at work in ${stateDir} (process ${pid}): stop it with Ctrl-C in its terminal, or \`kill ${pid}\`.`,
      );
    }
    rmSync(file, { force: true });
  }
}
