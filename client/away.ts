import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, type Client, type WorkflowHandle } from '@temporalio/client';
import { CommandError, exitCodes } from './exit.ts';

// gRPC's status codes, whose names its type declares as numbers only.
const away: ReadonlySet<number> = new Set([
  2, // UNKNOWN
  4, // DEADLINE_EXCEEDED
  8, // RESOURCE_EXHAUSTED
  10, // ABORTED
  13, // INTERNAL, also for broken connections
  14, // UNAVAILABLE
]);

/** Whether an error of Temporal's client says that the server does not answer, which may pass. */
export function isAway(error: unknown): boolean {
  const cause = isGrpcServiceError(error) ? error : (error as Error | undefined)?.cause;
  return isGrpcServiceError(cause) && away.has(cause.code);
}

const patienceMs = 120_000;
const tryMs = 2000;
const pauseMs = 1000;

/**
 * Waits until Temporal describes the run again.
 * @throws CommandError after two minutes; it says that the run continues
 */
export async function untilBack(client: Client, handle: WorkflowHandle): Promise<void> {
  const until = Date.now() + patienceMs;
  for (;;) {
    try {
      await client.withDeadline(Date.now() + tryMs, () => handle.describe());
      return;
    } catch (error) {
      if (!isAway(error)) throw error;
      if (Date.now() >= until) throw gaveUp(handle);
    }
    await sleep(pauseMs);
  }
}

function gaveUp({ workflowId }: WorkflowHandle): CommandError {
  return new CommandError(
    exitCodes.unreachable,
    `Temporal has not answered for ${patienceMs / 60_000} minutes. The run ${workflowId} continues without this command: ` +
      '`surgicase status` shows it when Temporal is back.',
  );
}
