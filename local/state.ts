import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { claimFile, ownClaim, runningStart } from '../config/start-claim.ts';
import { LocalError } from './service.ts';

/** The exclusive use of a state folder. */
export interface StateClaim {
  release(): void;
}

/**
 * Claims a state folder for this process, because two starts on the same data would ruin it. A claim that a killed
 * process left behind is replaced.
 * @throws LocalError naming the process that holds the folder
 */
export function claimState(stateDir: string): StateClaim {
  mkdirSync(stateDir, { recursive: true });
  const file = claimFile(stateDir);
  const own = `${file}.${process.pid}`;
  for (;;) {
    // A link appears at once with its whole content, and of two starts at the same moment one creates it.
    writeFileSync(own, ownClaim());
    try {
      linkSync(own, file);
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(own);
    }
    const pid = runningStart(stateDir);
    if (pid !== undefined) {
      throw new LocalError(
        `A start is already running in ${stateDir} (process ${pid}). Stop it with Ctrl-C in its terminal, or with \`kill ${pid}\`.`,
      );
    }
    rmSync(file, { force: true });
  }
}
