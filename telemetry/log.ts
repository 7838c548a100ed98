import { AsyncLocalStorage } from 'node:async_hooks';
import { appendFileSync } from 'node:fs';

const levels = ['debug', 'info', 'warn', 'error'] as const;
type LogLevel = (typeof levels)[number];
/** Counts, identifiers and seconds. The caller must never pass a credential or a value of a row. */
type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  /** The lowest level that is written. */
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
  /** Every line is also appended to this file, as JSON. */
  readonly file?: string;
}

/** Each call writes one line. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Adds its fields to every line written inside it, also by code that does not know them, such as the timing of a statement. */
export const logContext = new AsyncLocalStorage<LogFields>();

interface Line {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that writes to stderr, because stdout is for the output of the command. */
export function createLog(
  options: LogOptions,
  write: (line: string) => unknown = (line) => process.stderr.write(line),
): Log {
  const render = options.format === 'json' ? asJson : asPretty;
  const append = options.file === undefined ? undefined : appender(options.file, write);
  return writing((line) => {
    if (isBelow(line, options)) return;
    write(render(line));
    append?.(asJson(line));
  });
}

/**
 * A log that passes its lines to the log of a host application. `LOG_LEVEL` and `LOG_FILE` hold for them too. If the host's
 * log throws, the line goes to stderr.
 */
export function hostLog(options: LogOptions, theirs: Log): Log {
  const complain = (line: string) => process.stderr.write(line);
  const append = options.file === undefined ? undefined : appender(options.file, complain);
  return writing((line) => {
    if (isBelow(line, options)) return;
    try {
      theirs[line.level](line.message, line.fields);
    } catch {
      complain(asJson(line));
    }
    append?.(asJson(line));
  });
}

const isBelow = ({ level }: Line, { level: lowest }: LogOptions) =>
  levels.indexOf(level) < levels.indexOf(lowest);

/**
 * Appends lines to a file. When the file cannot be written, for example on a full disk, it says so once with `complain`, and
 * tries again with the next line: a load never depends on its log.
 */
export function appender(path: string, complain: (line: string) => unknown): (line: string) => void {
  let isFailing = false;
  return (line) => {
    try {
      // Synchronous, so that the last line before a crash is not lost. A run writes few lines.
      appendFileSync(path, line);
      isFailing = false;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!isFailing)
        complain(`The log file ${path} cannot be written (${code}). Its lines are missing until it can.\n`);
      isFailing = true;
    }
  };
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

/** Without this, `JSON.stringify` writes an Error as `{}` and throws on a bigint. */
function withErrors(_name: string, field: unknown): unknown {
  if (field instanceof Error) return `${field.name}: ${field.message}`;
  return typeof field === 'bigint' ? String(field) : field;
}

/** A log that writes each line to two other logs. */
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
