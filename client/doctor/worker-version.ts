import { taskQueues } from '../../contract/task-queues.ts';
import { currentVersion, pollersOf } from '../../worker/pollers.ts';
import { ok, orOk, wrong, type Finding } from './check.ts';
import type { TemporalSubject } from './temporal.ts';

const notFound = 5;

/** Whether a run that is started now goes to a worker of the configured version. */
export async function workerVersion({ client, config }: TemporalSubject): Promise<readonly Finding[]> {
  const { workerVersion: configured } = config;
  if (!configured) return unconfigured(client);
  const { deploymentName, buildId } = configured;
  const makeCurrent = `Run \`temporal worker deployment set-current-version --deployment-name ${deploymentName} --build-id ${buildId}\`, while a worker of this build runs.`;
  const deployment = await describeDeployment(client, deploymentName);
  if (!deployment)
    return [
      wrong(
        `Temporal has no worker deployment ${deploymentName}: no worker of it has polled yet.`,
        `Start a worker with TEMPORAL_DEPLOYMENT_NAME=${deploymentName} and TEMPORAL_WORKER_BUILD_ID=${buildId}. ${makeCurrent}`,
      ),
    ];
  const current = deployment.routingConfig?.currentDeploymentVersion?.buildId;
  if (!current)
    return [
      wrong(
        `No version of the worker deployment ${deploymentName} is current, so its workers get no runs.`,
        makeCurrent,
      ),
    ];
  const name = `The current version of the worker deployment ${deploymentName}, build ${current},`;
  const other = wrong(
    `${name} is not the configured build ${buildId}: runs go to the other build.`,
    makeCurrent,
  );
  const unserved = wrong(
    `${name} has no worker that polls the task queue ${taskQueues.main}, so runs wait.`,
    `Start a worker with TEMPORAL_DEPLOYMENT_NAME=${deploymentName} and TEMPORAL_WORKER_BUILD_ID=${current}.`,
  );
  const pollers = await pollersOf(client, taskQueues.main, 'workflow', { deploymentName, buildId: current });
  const findings = [...(current === buildId ? [] : [other]), ...(pollers.length > 0 ? [] : [unserved])];
  return orOk(findings, `build ${current} of ${deploymentName}`);
}

/** The workers that run with this configuration may have a version of their own. */
async function unconfigured(client: TemporalSubject['client']): Promise<readonly Finding[]> {
  const current = await currentVersion(client);
  if (!current) return [ok('no version is configured')];
  const { deploymentName, buildId } = current;
  const pollers = await pollersOf(client, taskQueues.main, 'workflow', current);
  const unserved = wrong(
    `The current version of the worker deployment ${deploymentName}, build ${buildId}, gets all runs, but has no worker that polls the task queue ${taskQueues.main}, so runs wait.`,
    `Start a worker with TEMPORAL_DEPLOYMENT_NAME=${deploymentName} and TEMPORAL_WORKER_BUILD_ID=${buildId}, or give the runs to workers without a version: \`temporal worker deployment set-current-version --deployment-name ${deploymentName} --unversioned\`.`,
  );
  return orOk(pollers.length > 0 ? [] : [unserved], `build ${buildId} of ${deploymentName}`);
}

async function describeDeployment({ workflowService, options }: TemporalSubject['client'], name: string) {
  try {
    const { workerDeploymentInfo } = await workflowService.describeWorkerDeployment({
      namespace: options.namespace,
      deploymentName: name,
    });
    return workerDeploymentInfo ?? undefined;
  } catch (error) {
    if ((error as { code?: unknown }).code !== notFound) throw error;
    return undefined;
  }
}
