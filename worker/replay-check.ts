import type { Client, WorkflowHandle } from '@temporalio/client';
import { Worker, type ReplayHistoriesIterable } from '@temporalio/worker';
import { weeklySchedules } from '../contract/schedules.ts';
import { workflowCode } from './bundle.ts';

const closedCount = 50;
const workflowTypes = [...Object.values(weeklySchedules).map(({ workflowType }) => workflowType), 'caseUndo'];

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** A run whose history this build does not follow. */
export interface UnreplayableRun {
  readonly workflowId: string;
  readonly reason: string;
}

/**
 * Replays the open runs and the 50 that closed last on the workflows of this build, which an open run would continue with.
 * Nothing is written: a replay only compares the commands of the code with the history.
 */
export async function replayCheck(
  client: Client,
): Promise<{ readonly replayedCount: number; readonly failures: readonly UnreplayableRun[] }> {
  const workflowBundle = { code: await workflowCode() };
  const failures: UnreplayableRun[] = [];
  let replayedCount = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowBundle },
    histories(client),
  )) {
    replayedCount += 1;
    if (error) failures.push({ workflowId, reason: error.message });
  }
  return { replayedCount, failures };
}

/** A replay takes the run id of the run before the reset, so it would not see what the reset run saw. */
function wasReset({ events }: History): boolean {
  return (events ?? []).some(
    ({ workflowTaskFailedEventAttributes: failed }) =>
      failed?.newRunId !== undefined && failed.newRunId !== null && failed.newRunId !== '',
  );
}

async function* histories(client: Client): ReplayHistoriesIterable {
  const ofOurs = `WorkflowType IN (${workflowTypes.map((type) => `'${type}'`).join(', ')})`;
  const some = async function* (condition: string, limit: number) {
    let count = 0;
    for await (const { workflowId, runId } of client.workflow.list({ query: `${ofOurs} AND ${condition}` })) {
      if (count++ === limit) return;
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      if (!wasReset(history)) yield { workflowId, history };
    }
  };
  yield* some("ExecutionStatus = 'Running'", Infinity);
  yield* some("ExecutionStatus != 'Running'", closedCount);
}
