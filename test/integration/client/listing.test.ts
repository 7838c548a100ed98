import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import { individual, npidataCsv, weeklyName, writeWeekly } from '../../generated/release-zip.ts';

// What a person sees of a run in the Web UI without opening the ledger.
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('listing');
});
afterAll(() => pipeline.stop());
beforeEach(() => pipeline.reset());

const week = '20260907-20260913';

it('the memo of a run says how it ended, and with what', async () => {
  const memoOfRun = async (dryRun: boolean) => {
    const handle = await pipeline.start(dryRun ? { dryRun } : {});
    await handle.result();
    return (await handle.describe()).memo;
  };
  await writeWeekly(pipeline.site, week, npidataCsv([individual(1, 'SMITH', '09/08/2026')]));
  expect(await memoOfRun(true)).toMatchObject({ outcome: 'dry run' });
  expect(await memoOfRun(false)).toEqual({
    outcome: 'published',
    releases: [weeklyName(week).replace('.zip', '')],
    rows: 1,
  });
  expect(await memoOfRun(false)).toEqual({ outcome: 'nothing due' });
  await writeCases(pipeline, casesOf(15, 5));
  const cases = await pipeline.startCases('paid-update');
  await cases.result();
  expect((await cases.describe()).memo).toEqual({ outcome: 'moved', cases: 5 });
});

it('schedules apply registers the search attributes, and runs can be found by them', async () => {
  const apply = () => surgicase(['schedules', 'apply'], pipeline.env);
  expect((await apply()).out).toContain(
    'Registered the search attributes SurgicaseJob, SurgicaseOutcome, SurgicaseRelease',
  );
  expect((await apply()).out).not.toContain('search attributes');
  await writeWeekly(pipeline.site, week, npidataCsv([individual(1, 'SMITH', '09/08/2026')]));
  const handle = await pipeline.start();
  await handle.result();
  await expect
    .poll(
      async () => {
        const found = [];
        for await (const run of pipeline.client.workflow.list({
          query: `SurgicaseJob = "npi-update" AND SurgicaseOutcome = "published"`,
        }))
          found.push(run.workflowId);
        return found;
      },
      { timeout: 20_000 },
    )
    .toEqual([handle.workflowId]);
});

it('a failure says where to read about it, and shows no folder of the build', async () => {
  await writeWeekly(pipeline.site, week, 'not a csv of providers');
  const handle = await pipeline.start();
  const error: unknown = await handle.result().catch((failure: unknown) => failure);
  const { cause } = error as { cause: Error };
  expect(cause.message).toMatch(/See docs\/troubleshooting\.md#[a-z]+\./);
  const { events } = await handle.fetchHistory();
  const failed = events?.find(({ workflowExecutionFailedEventAttributes: end }) => end);
  expect(JSON.stringify(failed)).not.toContain(process.cwd());
});
