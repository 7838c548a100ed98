import { AsyncLocalStorage } from 'node:async_hooks';
import { appendFileSync } from 'node:fs';

const levels = ['debug', 'info', 'warn', 'error'] as const;
type LogLevel = (typeof levels)[number];
/** Counts, identifiers and seconds; never a credential or a value of a row: that is the caller's duty. */
type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  /** The least level that is written. */
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
  /** Every line goes here as well, as JSON. */
  readonly file?: string;
}

/** Writes one line a call. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Fields of every line that is written inside, also by what knows nothing of them: a statement's time, for one. */
export const logContext = new AsyncLocalStorage<LogFields>();

interface Line {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log to stderr, because stdout belongs to the command's answer. */
export function createLog(
  options: LogOptions,
  write: (line: string) => unknown = (line) => process.stderr.write(line),
): Log {
  const render = options.format === 'json' ? asJson : asPretty;
  return writing((line) => {
    if (levels.indexOf(line.level) < levels.indexOf(options.level)) return;
    write(render(line));
    // Synchronous: the line before a crash is the one that is needed, and a run writes few of them.
    if (options.file !== undefined) appendFileSync(options.file, asJson(line));
  });
}

function writing(put: (line: Line) => void): Log {
  const at = (level: LogLevel) => (message: string, more?: LogFields) =>
    put({
      time: new Date().toISOString(),
      level,
      message,
      fields: { ...logContext.getStore(), ...more },
    });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

function asJson({ time, level, message, fields }: Line): string {
  return `${JSON.stringify({ time, level, message, ...fields }, withErrors)}\n`;
}

function asPretty({ time, level, message, fields }: Line): string {
  const rest = Object.entries(fields)
    .filter(([, field]) => field !== undefined)
    .map(
      ([name, field]) => `${name}=${typeof field === 'string' ? field : JSON.stringify(field, withErrors)}`,
    );
  return `${[time.slice(11, 19), level.toUpperCase().padEnd(5), message, ...rest].join(' ')}\n`;
}

/** JSON has no text for an Error and none for a bigint; without this the first becomes `{}` and the second throws. */
function withErrors(_name: string, field: unknown): unknown {
  if (field instanceof Error) return `${field.name}: ${field.message}`;
  return typeof field === 'bigint' ? String(field) : field;
}

/** A log that writes each line to two others. */
export function both(first: Log, second: Log): Log {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    first[level](message, fields);
    second[level](message, fields);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
