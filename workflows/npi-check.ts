import { ActivityFailure, isCancellation } from '@temporalio/workflow';
import type { NpiRun } from './npi-run.ts';
import { loadActivities } from './phases.ts';
import { endedBy } from './run-lifecycle.ts';

/**
 * Checks a part of the registry when the run has published something. The releases are published whatever the check finds,
 * and also when it cannot be done, so neither changes how the run ends.
 */
export async function checkRegistry(run: NpiRun, heartbeatTimeoutMs: number): Promise<void> {
  if (run.isDryRun || run.loaded().length === 0) return;
  run.enter('registry check');
  const summary = 'compare a part of the registry with the archive';
  try {
    const { remarks } = await loadActivities(heartbeatTimeoutMs).checkRegistry.executeWithOptions(
      { summary },
      [],
    );
    run.remarks.push(...remarks);
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    const { type, message } = endedBy(error);
    run.warn([
      `The check after the load did not finish (${type ?? message}). \`surgicase npi check\` on the worker's host checks the registry now.`,
    ]);
  }
}
