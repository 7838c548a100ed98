import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';

/** The details of a run, as the Web UI shows them, once they contain these words. */
export async function detailsWith(handle: WorkflowHandle, words: string): Promise<string> {
  for (;;) {
    const { currentDetails = '' } = await handle.query<{ currentDetails?: string }>(
      '__temporal_workflow_metadata',
    );
    if (currentDetails.includes(words)) return currentDetails;
    await delay(100);
  }
}
