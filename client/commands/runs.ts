import { WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import type { Config } from '../../config/config.ts';
import { approveUpdate, rejectUpdate } from '../../contract/workflows.ts';
import { withClient } from '../connection.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

/**
 * `surgicase runs approve|reject <id>`: answers a run that waits, because it would move more cases than allowed, or
 * because its monthly is smaller than the last one.
 */
export function decide(config: Config, terminal: Terminal, id: string, isApproved: boolean): Promise<number> {
  return withClient(config, async (client) => {
    const workflowId = await workflowIdOf(client, id);
    const update = isApproved ? approveUpdate : rejectUpdate;
    try {
      const decision = await client.workflow.getHandle(workflowId).executeUpdate<string, []>(update);
      terminal.answer({ workflowId, decision }, [`${workflowId}: ${decision}`]);
      return exitCodes.done;
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError) {
        throw new CommandError(exitCodes.failed, `${workflowId}: ${error.cause?.message ?? error.message}`);
      }
      if (error instanceof WorkflowNotFoundError) {
        throw new CommandError(exitCodes.usage, `No run ${id} is at work.`);
      }
      throw error;
    }
  });
}

const isRunId = (id: string) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);

/** People have the run id from the ledger, the summary or the Web UI; an update is sent to a workflow id. */
async function workflowIdOf(client: Client, id: string): Promise<string> {
  if (!isRunId(id)) return id;
  for await (const { workflowId } of client.workflow.list({ query: `RunId = '${id}'` })) return workflowId;
  throw new CommandError(exitCodes.usage, `Temporal has no run ${id}.`);
}
