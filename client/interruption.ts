import process from 'node:process';
import type { Terminal } from './terminal.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Fires on the first Ctrl-C, on SIGTERM, and when the terminal is closed, and names the steps that run. The second one calls
 * `kill` and ends the process, because a service that could not be stopped in order must not keep running unnoticed.
 */
export function interruption(
  terminal: Terminal,
  running: ReadonlySet<string>,
  kill: () => void,
): AbortSignal {
  const first = new AbortController();
  for (const signal of signals) {
    process.on(signal, () => {
      if (first.signal.aborted) {
        terminal.say('Stopped at once: Temporal and MySQL were killed. The next start recovers their data.');
        kill();
        process.exit(130);
      }
      terminal.progress();
      const what = running.size === 0 ? '' : ` (${[...running].join(', ')})`;
      terminal.say(`Stopping${what}. Press Ctrl-C again to stop at once.`);
      first.abort();
    });
  }
  return first.signal;
}
