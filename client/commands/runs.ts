import { randomUUID } from 'node:crypto';
import {
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import type { Config } from '../../config/config.ts';
import type { DecidedBy } from '../../contract/decisions.ts';
import { approveUpdate, rejectUpdate } from '../../contract/workflows.ts';
import { withClient } from '../connection.ts';
import { personOf, type Person, type PersonOptions } from '../decided-by.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { isWorkflowWorkerPolling } from '../workers.ts';

// A worker answers in milliseconds. A run whose workflow task fails, because of a bug, never answers.
const answerPatienceMs = 30_000;

// gRPC's status code, whose name its type declares as a number only.
const notFound: ReadonlySet<number> = new Set([5]);

/**
 * `surgicase runs approve|reject <id>`: answers a waiting run, and no later run of the same workflow id. A run waits when
 * it would move more cases than allowed, or when its monthly is smaller than the last one.
 */
export function decide(
  config: Config,
  terminal: Terminal,
  id: string,
  { isApproved, ...options }: PersonOptions & { readonly isApproved: boolean },
): Promise<number> {
  return withClient(config, async (client) => {
    const { workflowId, runId } = await openRun(client, id);
    if (!(await isWorkflowWorkerPolling(client))) {
      throw new CommandError(
        exitCodes.unreachable,
        'No worker is running, so the run cannot take an answer. Start one with `surgicase worker`, then repeat the command.',
      );
    }
    const handle = client.workflow.getHandle(workflowId, runId);
    const update = isApproved ? approveUpdate : rejectUpdate;
    const decision = await answer(client, handle, { update, runId, person: personOf(options) });
    terminal.answer({ workflowId, runId, decision }, [`${workflowId}: ${decision} (run ${runId})`]);
    return exitCodes.done;
  });
}

/**
 * `surgicase runs cancel <id>`: asks an open run to end. It stops at a safe point, and releases that it has published stay
 * published. Temporal keeps who asked and why in the history, and the run copies both to the ledger.
 */
export function cancel(
  config: Config,
  terminal: Terminal,
  id: string,
  options: PersonOptions,
): Promise<number> {
  return withClient(config, async (client) => {
    const { workflowId, runId } = await openRun(client, id);
    await requestCancel(client, { workflowId, runId }, personOf(options));
    const isPolled = await isWorkflowWorkerPolling(client);
    terminal.answer({ workflowId, runId, isWorkerPolling: isPolled }, [
      `${workflowId}: cancellation requested (run ${runId})`,
      ...(isPolled ? [] : ['No worker is running: the run ends when one does (`surgicase worker`).']),
    ]);
    return exitCodes.done;
  });
}

/** The handle's own `cancel` takes no reason. */
async function requestCancel(
  client: Client,
  workflowExecution: { readonly workflowId: string; readonly runId: string },
  { by, reason }: Person,
): Promise<void> {
  const { namespace } = client.options;
  try {
    await client.workflowService.requestCancelWorkflowExecution({
      namespace,
      workflowExecution,
      identity: by,
      requestId: randomUUID(),
      ...(reason !== undefined && { reason }),
    });
  } catch (error) {
    if (isGrpcServiceError(error) && notFound.has(error.code)) throw ended(workflowExecution.runId);
    throw error;
  }
}

interface Answer {
  readonly update: string;
  readonly runId: string;
  readonly person: Person;
}

async function answer(
  client: Client,
  handle: WorkflowHandle,
  { update, runId, person }: Answer,
): Promise<string> {
  try {
    return await client.withDeadline(Date.now() + answerPatienceMs, () =>
      handle.executeUpdate<string, [DecidedBy]>(update, { args: [person] }),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      throw new CommandError(exitCodes.failed, `Run ${runId}: ${error.cause?.message ?? error.message}`);
    if (error instanceof WorkflowNotFoundError) throw ended(runId);
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
      throw new CommandError(
        exitCodes.unreachable,
        `The worker did not take the answer within ${answerPatienceMs / 1000} s. \`surgicase status\` shows whether the run still waits.`,
      );
    }
    throw error;
  }
}

const isRunId = (id: string) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);

/** The run that a person named by its run id, or the latest run of a workflow id; it must be open. */
async function openRun(client: Client, id: string): Promise<{ workflowId: string; runId: string }> {
  const { workflowId, runId, status } = await client.workflow
    .getHandle(...(await addressOf(client, id)))
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError)
        throw new CommandError(exitCodes.usage, `Temporal has no run ${id}.`);
      throw error;
    });
  if (status.name !== 'RUNNING') throw ended(runId);
  return { workflowId, runId };
}

/** The ledger, the summary and the Web UI show run ids, but Temporal finds a run only by its workflow id. */
async function addressOf(client: Client, id: string): Promise<[workflowId: string, runId?: string]> {
  if (!isRunId(id)) return [id];
  for await (const { workflowId } of client.workflow.list({ query: `RunId = '${id}'` }))
    return [workflowId, id];
  throw new CommandError(exitCodes.usage, `Temporal has no run ${id}.`);
}

function ended(runId: string): CommandError {
  return new CommandError(
    exitCodes.usage,
    `Run ${runId} has ended and takes no answer. \`surgicase status\` names the runs that wait.`,
  );
}
