import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { isLoadWorkerPolling, isWorkflowWorkerPolling } from '../../../client/workers.ts';

const ago = (ms: number) => ({ seconds: (Date.now() - ms) / 1000 });

/** A server whose queues were polled last `pollMs` ago; the open run's activity sent its heartbeat `heartbeatMs` ago. */
function server(pollMs: number | undefined, heartbeatMs?: number): Client {
  const pollers = pollMs === undefined ? [] : [{ lastAccessTime: ago(pollMs) }];
  const pendingActivities = heartbeatMs === undefined ? [] : [{ lastHeartbeatTime: ago(heartbeatMs) }];
  return {
    options: { namespace: 'default' },
    workflowService: { describeTaskQueue: async () => ({ pollers }) },
    workflow: {
      async *list() {
        yield { workflowId: 'npi-update', runId: 'a run' };
      },
      getHandle: () => ({ describe: async () => ({ raw: { pendingActivities } }) }),
    },
  } as unknown as Client;
}

describe('a worker is running', () => {
  it('while its last poll is recent, because the server lists a dead one for five minutes', async () => {
    expect(await isWorkflowWorkerPolling(server(60_000))).toBe(true);
    expect(await isWorkflowWorkerPolling(server(90_000))).toBe(false);
    expect(await isWorkflowWorkerPolling(server(undefined))).toBe(false);
  });

  it('while its load sends heartbeats, although a busy worker polls for no other load', async () => {
    expect(await isLoadWorkerPolling(server(undefined, 2000))).toBe(true);
    expect(await isLoadWorkerPolling(server(60_000))).toBe(true);
    expect(await isLoadWorkerPolling(server(90_000, 60_000))).toBe(false);
  });
});
