import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { taskQueues } from '../../../contract/task-queues.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';

const name = 'reset';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
afterAll(() => pipeline.stop());
beforeEach(() => pipeline.reset());

type Started = Awaited<ReturnType<typeof start>>;
/** The bed would replay these runs without their reset, so it does not know them. */
const start = (workflowType: string) =>
  pipeline.client.workflow.start(workflowType, { workflowId: workflowType, taskQueue: taskQueues.main });

/** As in docs/troubleshooting.md. @returns the result of the new run */
async function reset({ workflowId, firstExecutionRunId }: Started, where: string): Promise<unknown> {
  const options = `--workflow-id ${workflowId} --run-id ${firstExecutionRunId} ${where} --reason tried`;
  const place = `--address ${inject('temporalAddress')} --namespace ${name}`;
  await promisify(execFile)(inject('temporalCli'), `workflow reset ${options} ${place}`.split(' '));
  return pipeline.client.workflow.getHandle(workflowId).result();
}
const failureOf = (result: Promise<unknown>) =>
  result.then(
    () => 'no failure',
    (error: unknown) => (error as { cause: Error }).cause.message,
  );

it('a failed registry run that is reset to its beginning loads what was due', exhaustive, async () => {
  await writeWeekly(pipeline.site, '20260907-20260913', 'not a csv of providers');
  const handle = await start('npiUpdate');
  expect(await failureOf(handle.result())).toContain('The CSV lacks columns');
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv([individual(1, 'SMITH', '09/08/2026')]));
  expect(await reset(handle, '--type FirstWorkflowTask')).toMatchObject({ outcome: 'published' });
});

it(
  'a run that is reset to its middle stops before its next step, and says what to do',
  exhaustive,
  async () => {
    await writeCases(pipeline, casesOf(15, 3));
    const handle = await start('paidUpdate');
    expect(await handle.result()).toMatchObject({ updated: 3 });
    await writeCases(pipeline, casesOf(15, 2, 100));
    const { events } = await handle.fetchHistory();
    const begun = events?.findIndex(({ activityTaskCompletedEventAttributes: end }) => end) ?? 0;
    // The workflow tasks after `begin` and after `selectCases`.
    const tasks = events?.slice(begun).filter(({ workflowTaskCompletedEventAttributes: end }) => end) ?? [];
    for (const { eventId } of tasks.slice(0, 2)) {
      const failure = await failureOf(reset(handle, `--event-id ${String(eventId)}`));
      expect(failure).toContain('was reset to a step after its beginning');
    }
    expect(await countByStatus(pipeline)).toEqual({ 15: 2 });
    expect(await pipeline.runCases('paid-update')).toMatchObject({ updated: 2 });
  },
);
