import { Client, Connection } from '@temporalio/client';

/**
 * Creates a Temporal namespace and a client for it. The task queues have fixed names, so workers in one namespace would
 * take each other's tasks.
 */
export async function openNamespace(address: string, namespace: string): Promise<Client> {
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  return new Client({ connection, namespace });
}
