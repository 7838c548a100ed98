import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, inject } from 'vitest';

/** The worker deployment of the tests. */
export const deploymentName = 'surgicase';

/** The environment of a worker of this build. */
export const versionOf = (buildId: string) => ({
  TEMPORAL_DEPLOYMENT_NAME: deploymentName,
  TEMPORAL_WORKER_BUILD_ID: buildId,
});

/** As in docs/deployment.md. The server knows a version some moments after its worker has polled. */
export async function makeCurrent(namespace: string, buildId: string, ...more: string[]): Promise<void> {
  const temporal = async () => {
    const command = 'worker deployment set-current-version --yes';
    const options = `--deployment-name ${deploymentName} --build-id ${buildId} --address ${inject('temporalAddress')} --namespace ${namespace}`;
    await promisify(execFile)(inject('temporalCli'), [...`${command} ${options}`.split(' '), ...more]);
    return 'done';
  };
  await expect.poll(() => temporal().catch(String), { timeout: 30_000, interval: 500 }).toBe('done');
}
