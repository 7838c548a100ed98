import process from 'node:process';
import { CommanderError } from 'commander';
import { ConfigError } from '../config/config-error.ts';
import { CommandError, exitCodes } from './exit.ts';
import { buildProgram, version } from './program.ts';

// `surgicase … | head` closes the pipe early. That is not a failure, and the run continues.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = ended(error);
}

function ended(error: unknown): number {
  // Commander has already printed its message. It also throws after --help and --version, with exit code 0.
  const isUsage = error instanceof CommanderError;
  if (isUsage && error.exitCode === 0) return exitCodes.done;
  const isExpected = error instanceof CommandError || error instanceof ConfigError;
  const { message } = error as Error;
  if (process.argv.includes('--json')) {
    const exitCode = isUsage ? exitCodes.usage : isExpected ? error.exitCode : exitCodes.failed;
    process.stdout.write(`${JSON.stringify({ error: { message, exitCode } })}\n`);
  }
  if (isUsage) return exitCodes.usage;
  if (isExpected) {
    process.stderr.write(`${message}\n`);
    return error.exitCode;
  }
  process.stderr.write(
    `${(error as Error).stack ?? message}\n\nThis is a bug in surgicase ${version}. Please report it with the command and the lines above.\n`,
  );
  return exitCodes.failed;
}
