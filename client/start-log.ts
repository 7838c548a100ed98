import type { Config } from '../config/config.ts';
import { appender, both, createLog, type Log } from '../telemetry/log.ts';
import type { Terminal } from './terminal.ts';

/** The log of `surgicase start`: every line goes to a file; errors (with `--verbose`, all lines) also go to the terminal. */
export function startLog(config: Config, terminal: Terminal, path: string, isVerbose: boolean): Log {
  const file = createLog(
    { ...config.log, format: 'json' },
    appender(path, (line) => terminal.say(line.trimEnd())),
  );
  const screen = createLog({ level: isVerbose ? config.log.level : 'error', format: 'pretty' }, (line) =>
    terminal.say(line.trimEnd()),
  );
  return both(file, screen);
}
