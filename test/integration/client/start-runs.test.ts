import { afterAll, beforeAll, expect, it } from 'vitest';
import { applySchedules, plannedSchedules } from '../../../client/schedules.ts';
import { runJobs, worstExitCode, type JobEnd } from '../../../client/start-runs.ts';
import type { Terminal } from '../../../client/terminal.ts';
import { readConfig } from '../../../config/config.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

const name = 'start_runs';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
afterAll(() => pipeline.stop());

it('lists every job, also one that cannot start, and runs the jobs after it', async () => {
  const config = readConfig(pipeline.env);
  const { client } = pipeline;
  await writeCases(pipeline, casesOf(10, 3));
  await applySchedules(client, plannedSchedules(config));
  await client.schedule.getHandle('paid-update').delete();
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  const terminal = { say, progress: () => undefined, columns: () => 80 } as unknown as Terminal;
  const ends = await runJobs({ client, config, terminal, isFirst: false, asked: 'all' });
  expect(ends).toMatchObject([
    { job: 'paid-update', isDone: false, failureType: 'NotStarted', exitCode: 2 },
    { job: 'pending-payment-update', isDone: true, result: { updated: 3 }, exitCode: 0 },
    { job: 'npi-update', isDone: false, failureType: 'PageWithoutLinks', exitCode: 1 },
  ]);
  expect(said.join('\n')).toContain('paid-update: failed: NotStarted\n  There is no schedule paid-update.');
});

it.each([
  [[], 0],
  [[0, 0], 0],
  [[0, 4], 4],
  [[4, 1, 0], 1],
  [[1, 2], 2],
])('exits as the worst of %j', (exitCodes, worst) => {
  expect(worstExitCode(exitCodes.map((exitCode) => ({ exitCode }) as JobEnd))).toBe(worst);
});
