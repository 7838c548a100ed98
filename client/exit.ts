/** Exit codes of every command. */
export const exitCodes = { done: 0, failed: 1, usage: 2, unreachable: 3, alreadyRunning: 4 } as const;

/** What each code means, for `surgicase --help` and docs/cli.md. */
export const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  done: 'Done',
  failed: 'The run failed or was rejected, or the command could not do its work',
  usage: 'Wrong usage or configuration',
  unreachable: 'A required service does not answer',
  alreadyRunning: 'Skipped, because the same job is already running',
};

/** Ends a command with a message for a person and one of the exit codes; any other error is a bug. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
