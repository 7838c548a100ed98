import { ApplicationFailure } from '@temporalio/workflow';

/**
 * A failure that ends a run, with a type that the Web UI, alerts and the command line look for. Without a stack: it would
 * show folders of the host that built this service, and say nothing about the cause.
 */
export function failureOf(type: string, message: string, cause?: Error): ApplicationFailure {
  const failure = ApplicationFailure.create({ type, message, nonRetryable: true, ...(cause && { cause }) });
  failure.stack = '';
  return failure;
}
