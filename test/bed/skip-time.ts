import type { WorkflowInterceptors } from '@temporalio/workflow';

/**
 * Runs inside the sandbox of workflows: a timer ends at once, and the workflow's clock moves by its whole duration.
 * Temporal's development server cannot skip time.
 */
export function interceptors(): WorkflowInterceptors {
  const clock = Date.now;
  let skippedMs = 0;
  Date.now = () => clock() + skippedMs;
  return {
    outbound: [
      {
        async startTimer({ durationMs }) {
          skippedMs += durationMs;
        },
      },
    ],
  };
}
