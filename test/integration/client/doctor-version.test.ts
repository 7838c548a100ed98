import { afterAll, beforeAll, expect, it } from 'vitest';
import { diagnose } from '../../../client/doctor/doctor.ts';
import { readConfig } from '../../../config/config.ts';
import { surgicase } from '../../bed/cli.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { makeCurrent, versionOf } from '../../bed/worker-version.ts';
import { startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';

const name = 'doctor-version';
let pipeline: Pipeline;
const workers: WorkerProcess[] = [];
beforeAll(async () => {
  pipeline = await startPipeline('doctor_version', { TEMPORAL_NAMESPACE: name }, { hasWorker: false });
});
afterAll(async () => {
  for (const { child } of workers) child.kill('SIGTERM');
  await Promise.all(workers.map(({ exit }) => exit));
  await pipeline.stop();
});

/** What the doctor says about the version, as people read it. */
async function found(version: NodeJS.ProcessEnv): Promise<string> {
  const variables = { ...pipeline.env, ...version };
  const lines = await diagnose({ read: () => readConfig(variables), variables, folder: '/' });
  return lines
    .filter(({ check }) => check === 'worker-version')
    .map(({ state, text, fix = '' }) => `${state}: ${text} ${fix}`)
    .join('\n');
}

const fix = (buildId: string) =>
  `temporal worker deployment set-current-version --deployment-name surgicase --build-id ${buildId}\``;

it('finds a version that gets no runs', async () => {
  expect(await found(versionOf('1'))).toContain('not checked: because of the fault of `workers`');
  workers.push(await startWorkerProcess(pipeline.env));
  await expect.poll(() => found({}), { timeout: 30_000 }).toBe('ok: no version is configured ');
  const absent = await found(versionOf('1'));
  expect(absent).toMatch(
    /^wrong: Temporal has no worker deployment surgicase: .*TEMPORAL_WORKER_BUILD_ID=1\. /,
  );
  expect(absent).toContain(fix('1'));

  workers.push(await startWorkerProcess({ ...pipeline.env, ...versionOf('1') }));
  await expect
    .poll(() => found(versionOf('1')), { timeout: 30_000 })
    .toMatch(/^wrong: No version of the worker deployment surgicase is current, .*--build-id 1`/);
  await makeCurrent(name, '1');
  await expect.poll(() => found(versionOf('1')), { timeout: 30_000 }).toBe('ok: build 1 of surgicase ');
  const other = await found(versionOf('2'));
  expect(other).toMatch(/^wrong: The current version .*, build 1, is not the configured build 2: .*/);
  expect(other.split('\n')).toHaveLength(1);
  expect(other).toContain(fix('2'));

  // As after the end of the only worker of a build, which Temporal lists for some minutes.
  await makeCurrent(name, '2', '--allow-no-pollers');
  await expect
    .poll(() => found(versionOf('2')), { timeout: 30_000 })
    .toMatch(
      /^wrong: .*, build 2, has no worker that polls the task queue surgicase, .*TEMPORAL_WORKER_BUILD_ID=2\.$/,
    );
});

it(
  'a shell without the two variables sees that the current version has lost its workers',
  exhaustive,
  async () => {
    await makeCurrent(name, '1');
    await expect.poll(() => found({}), { timeout: 30_000 }).toBe('ok: build 1 of surgicase ');
    const [, versioned] = workers;
    versioned?.child.kill('SIGKILL');
    // Temporal lists a worker for some minutes after its last poll, and the check waits for 75 seconds.
    await expect
      .poll(() => found({}), { timeout: 120_000, interval: 1000 })
      .toMatch(
        /^wrong: The current version .*, build 1, gets all runs, but has no worker .* --unversioned`\.$/,
      );
    const { out } = await surgicase(['status', '--check'], pipeline.env);
    expect(out).toContain('no worker is running');
  },
);
