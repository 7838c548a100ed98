/** Exit codes of every command (docs/operations.md). */
export const exitCodes = { done: 0, failed: 1, usage: 2, unreachable: 3, alreadyRunning: 4 } as const;

/** Ends a command with a message for a person and one of the exit codes; anything else that is thrown is a defect. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
