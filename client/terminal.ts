import process from 'node:process';

/** Output of a command: lines for people, a progress bar that is redrawn in place, and with `--json` one value. */
export interface Terminal {
  readonly isJson: boolean;
  /** How many columns `progress` may use. */
  readonly columns: () => number;
  /** Prints a line for people; with `--json` to stderr, because stdout holds only the value. */
  say(line: string): void;
  /** Redraws the bar on a terminal; elsewhere prints a line whenever `step` changes. Without text, removes the bar. */
  progress(text?: string, step?: string): void;
  /** Prints the answer of the command: the value with `--json`, otherwise the lines. */
  answer(value: unknown, lines: readonly string[]): void;
  bold(text: string): string;
}

/** A terminal that stays silent. `flush` prints what it kept, for a command that did not end well. */
export interface QuietTerminal extends Terminal {
  flush(): void;
}

/** The terminal of `--quiet`, for cron: it keeps the lines and prints them to stderr only on `flush`. */
export function createQuietTerminal(): QuietTerminal {
  const kept: string[] = [];
  return {
    isJson: false,
    columns: () => 80,
    say: (line) => void kept.push(line),
    progress: () => undefined,
    answer: (_, lines) => void kept.push(...lines),
    bold: (text) => text,
    flush: () => void process.stderr.write(kept.map((line) => `${line}\n`).join('')),
  };
}

const wipe = '\r\u001B[2K';

/** The terminal of this process. */
export function createTerminal(isJson: boolean): Terminal {
  const stream = isJson ? process.stderr : process.stdout;
  const isLive = stream.isTTY && !isJson;
  let isDrawn = false;
  let lastStep: string | undefined;
  const clear = () => {
    if (isDrawn) stream.write(wipe);
    isDrawn = false;
  };
  const say = (line: string) => {
    clear();
    stream.write(`${line}\n`);
  };
  // A line that wraps could not be redrawn in place.
  const columns = () => (stream.columns || 80) - 1;
  return {
    isJson,
    columns,
    say,
    progress(text, step) {
      if (!isLive) {
        if (step !== undefined && step !== lastStep) say(step);
        lastStep = step;
        return;
      }
      clear();
      if (text === undefined) return;
      stream.write(text.slice(0, columns()));
      isDrawn = true;
    },
    answer(value, lines) {
      clear();
      if (isJson) process.stdout.write(`${JSON.stringify(value)}\n`);
      else for (const line of lines) say(line);
    },
    bold: (text) => (isLive && stream.hasColors() ? `\u001B[1m${text}\u001B[22m` : text),
  };
}
