import { WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import type { Config } from '../../config/config.ts';
import { approveUpdate, rejectUpdate } from '../../contract/workflows.ts';
import { withClient } from '../connection.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

/**
 * `surgicase runs approve|reject <id>`: answers a waiting run. A run waits when it would move more cases than allowed,
 * or when its monthly is smaller than the last one.
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
        throw new CommandError(exitCodes.usage, `No open run has the id ${id}.`);
      }
      throw error;
    }
  });
}

const isRunId = (id: string) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);

/** The ledger, the summary and the Web UI show run ids, but Temporal addresses an update to a workflow id. */
async function workflowIdOf(client: Client, id: string): Promise<string> {
  if (!isRunId(id)) return id;
  for await (const { workflowId } of client.workflow.list({ query: `RunId = '${id}'` })) return workflowId;
  throw new CommandError(exitCodes.usage, `Temporal has no run ${id}.`);
}
