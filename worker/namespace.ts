import type { NativeConnection } from '@temporalio/worker';

/** The namespace of a running worker was deleted. Its polls fail from then on, and it gets no work. */
export class NamespaceGone extends Error {
  override readonly name = 'NamespaceGone';

  constructor(namespace: string) {
    super(
      `The namespace ${namespace} no longer exists in Temporal, so this worker gets no work. ` +
        'Create the namespace again or correct TEMPORAL_NAMESPACE, then start the worker.',
    );
  }
}

const everyMs = 15_000;
const notFound = 5;

/**
 * Asks Temporal regularly whether the namespace still exists, because the SDK's workers neither end nor come back when it
 * does not. `gone` resolves with the error then; an outage of Temporal is for the SDK to wait out.
 */
export function watchNamespace(connection: NativeConnection, namespace: string) {
  let timer: NodeJS.Timeout | undefined;
  const gone = new Promise<NamespaceGone>((resolve) => {
    const ask = async () => {
      try {
        await connection.workflowService.describeNamespace({ namespace });
      } catch (error) {
        if ((error as { code?: unknown }).code === notFound) resolve(new NamespaceGone(namespace));
      }
    };
    timer = setInterval(() => void ask(), everyMs);
  });
  return { gone, stop: () => clearInterval(timer) };
}
