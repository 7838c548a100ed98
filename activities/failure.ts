import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from '@temporalio/activity';
import { adviceFor, failures, type FailureKind, type FailureType } from '../contract/failures.ts';
import { DbError, StatementError } from '../db/connection/errors.ts';
import { NppesError } from '../nppes/errors.ts';
import type { Log } from '../telemetry/log.ts';

const longestPauseMs = 15 * 60_000;
const root = fileURLToPath(new URL('..', import.meta.url));

/** The type of `contract/failures.ts` to which an error belongs. */
export function failureType(error: unknown): FailureType {
  if (error instanceof ApplicationFailure) return error.type as FailureType;
  if (error instanceof NppesError || error instanceof DbError) return error.code;
  if (error instanceof StatementError) return 'StatementFailed';
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' ? 'NoSpace' : 'Unexpected';
}

/**
 * An error as a failure. `errorCount` is the number of errors of this type in this activity, with this one: Temporal's number
 * of the attempt also counts killed workers and other errors. The pause before the next attempt doubles from one second to
 * 15 minutes.
 */
export function asFailure(
  error: unknown,
  log: Log,
  { type, errorCount }: { readonly type: FailureType; readonly errorCount: number },
): ApplicationFailure {
  if (error instanceof ApplicationFailure) return withStack(error, '');
  const { isRetryable, nextStep, tries = Infinity }: FailureKind = failures[type];
  const { name, message } = error as Error;
  const what = type === 'Unexpected' ? `${name}: ${message}` : message;
  log.error(what, { type, errorCount, nextStep });
  const nonRetryable = !isRetryable || errorCount >= tries;
  const nextRetryDelay = Math.min(1000 * 2 ** (errorCount - 1), longestPauseMs);
  const failure = ApplicationFailure.create({
    type,
    message: `${what} ${adviceFor(type)}`,
    nonRetryable,
    ...(!nonRetryable && { nextRetryDelay }),
  });
  return withStack(failure, isDefect(type) ? (error as Error).stack : '');
}

// Only these may be errors of this service's code. For the others, the place in the code says nothing about the cause.
const isDefect = (type: FailureType) => type === 'Unexpected' || type === 'StatementFailed';

/** The stack as the Web UI shows it, without the folders of this host. */
function withStack(failure: ApplicationFailure, stack = ''): ApplicationFailure {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  failure.stack = frames
    .join('\n')
    .replaceAll('file://', '')
    .replaceAll(root, '')
    .replaceAll(/\/[^\s()]*\/node_modules\//g, 'node_modules/');
  return failure;
}
