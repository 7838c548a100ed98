import process from 'node:process';

/** What a command shows: lines for people, one bar that is drawn over itself, and under `--json` one value. */
export interface Terminal {
  readonly isJson: boolean;
  /** A line for people; under `--json` it goes to stderr, because stdout belongs to the value. */
  say(line: string): void;
  /** Draws over the last progress on a terminal; elsewhere a line whenever `step` changes. Without text it is wiped. */
  progress(text?: string, step?: string): void;
  /** The command's one answer: the value under `--json`, otherwise the lines. */
  answer(value: unknown, lines: readonly string[]): void;
  bold(text: string): string;
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
  return {
    isJson,
    say,
    progress(text, step) {
      if (!isLive) {
        if (step !== undefined && step !== lastStep) say(step);
        lastStep = step;
        return;
      }
      clear();
      if (text === undefined) return;
      // A line that wraps could not be drawn over.
      stream.write(text.slice(0, (stream.columns || 80) - 1));
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
