import type { Config } from '../config/config.ts';

/** The page of a run in the Web UI when its address is known, otherwise the command that shows the run. */
export function runLink(
  { temporal }: Config,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
): string {
  const namespace = temporal.namespace ?? 'default';
  if (temporal.uiUrl === undefined)
    return `temporal workflow show --workflow-id ${workflowId} --run-id ${runId}`;
  return `${temporal.uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
}
