import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { afterEach, beforeEach, expect, inject, it, vi, type MockInstance } from 'vitest';
import { taskQueues } from '../../../contract/task-queues.ts';
import { follow, type RunEnd } from '../../../client/follow.ts';
import { exhaustive } from '../../bed/extent.ts';

// A run that no worker takes, seen through a proxy that a test takes away and brings back.
let sockets: Set<Socket>;
let server: ReturnType<typeof createServer>;
let port: number;
let connection: Connection;
let handle: WorkflowHandle;
let direct: Connection;
let runs = 0;

beforeEach(async () => {
  sockets = new Set();
  port = await listen(0);
  const channelArgs = { 'grpc.max_reconnect_backoff_ms': 1000 };
  connection = await Connection.connect({ address: `127.0.0.1:${port}`, channelArgs });
  direct = await Connection.connect({ address: inject('temporalAddress') });
  const started = await new Client({ connection: direct }).workflow.start('nobodyRunsThis', {
    workflowId: `follow-${(runs += 1)}`,
    taskQueue: `${taskQueues.main}-nobody`,
  });
  handle = new Client({ connection }).workflow.getHandle(started.workflowId, started.firstExecutionRunId);
});
afterEach(async () => {
  vi.useRealTimers();
  await new Client({ connection: direct }).workflow
    .getHandle(handle.workflowId)
    .terminate()
    .catch(() => undefined);
  await connection.close();
  await direct.close();
  cut();
});

async function listen(on: number): Promise<number> {
  const [host = '', target = ''] = inject('temporalAddress').split(':');
  server = createServer((client) => {
    const upstream = connect(Number(target), host);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(on, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function cut(): void {
  server.close();
  for (const socket of sockets) socket.destroy();
}

const follows = (): Promise<RunEnd> =>
  follow(new Client({ connection }), handle, { snapshot: () => undefined, waiting: () => undefined });

/** Takes Temporal away until its client has given up its own retries, which takes half a minute. */
async function takeAway(result: MockInstance): Promise<void> {
  await expect.poll(() => sockets.size).toBeGreaterThan(0);
  cut();
  await expect.poll(() => result.mock.settledResults[0]?.type, { timeout: 90_000 }).toBe('rejected');
}

it('follows on when Temporal comes back', exhaustive, async () => {
  const result = vi.spyOn(handle, 'result');
  const end = follows();
  await takeAway(result);
  await listen(port);
  await new Client({ connection: direct }).workflow
    .getHandle(handle.workflowId)
    .terminate('the test is over');
  expect(await end).toMatchObject({ isDone: false, failureType: 'Terminated' });
  expect(result).toHaveBeenCalledTimes(2);
});

it('ends with 3 after two minutes, and says that the run continues', exhaustive, async () => {
  vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true });
  const result = vi.spyOn(handle, 'result');
  const end = follows();
  end.catch(() => undefined);
  await takeAway(result);
  vi.setSystemTime(Date.now() + 121_000);
  await expect(end).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringContaining(`The run ${handle.workflowId} continues without this command`),
  });
});
