import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('schedule_commands');
});
afterAll(() => pipeline.stop());

/** The commands of Temporal's command line that docs/schedules.md prints, by their verb. */
function printed(): ReadonlyMap<string, string> {
  const page = readFileSync(new URL('../../../docs/schedules.md', import.meta.url), 'utf8');
  const lines = page.match(/^temporal schedule .*$/gm) ?? [];
  const verb = (line: string) => /--(?:un)?pause/.exec(line)?.[0] ?? line.split(' ')[2] ?? '';
  return new Map(lines.map((line) => [verb(line), line]));
}

it("the commands of Temporal's command line in docs/schedules.md do what the page says", async () => {
  const { env, client, site } = pipeline;
  await surgicase(['schedules', 'apply'], env);
  await writeWeekly(site, '20260907-20260913', npidataCsv([individual(1, 'SMITH', '09/08/2026')]));
  const handle = client.schedule.getHandle('npi-update');
  const stateOf = async () => (await handle.describe()).state;
  const commands = printed();
  const temporal = async (verb: string) => {
    const words = Array.from(
      (commands.get(verb) ?? '').matchAll(/"([^"]*)"|(\S+)/g),
      ([, quoted, bare]) => quoted ?? bare ?? '',
    );
    const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } = env;
    const at = { env: { ...process.env, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } };
    return (await promisify(execFile)(inject('temporalCli'), words.slice(1), at)).stdout;
  };
  const started = async () =>
    (await handle.describe()).info.recentActions.map(({ action }) => action.workflow.workflowId);
  const resultOf = (workflowId = '') => client.workflow.getHandle(workflowId).result();

  expect([...commands.keys()]).toEqual(['describe', '--pause', 'trigger', '--unpause', 'backfill']);
  expect(await temporal('describe')).toContain('0 8 * * 2');
  await temporal('--pause');
  expect(await stateOf()).toMatchObject({ paused: true, note: 'CMS is down' });
  expect((await surgicase(['schedules', 'list'], env)).out).toContain('paused: CMS is down');
  expect((await surgicase(['schedules', 'apply'], env)).out).toContain('npi-update: unchanged');

  expect(await temporal('trigger')).toContain('Trigger request sent');
  await expect.poll(started, { timeout: 20_000 }).toHaveLength(1);
  expect(await resultOf((await started())[0])).toMatchObject({ outcome: 'published' });
  expect((await stateOf()).paused).toBe(true);

  // A backfill of two Tuesdays, still during the pause.
  await temporal('backfill');
  await expect.poll(started, { timeout: 20_000 }).toHaveLength(3);
  const missed = ['npi-update-2026-11-17T08:00:00Z', 'npi-update-2026-11-24T08:00:00Z'];
  expect((await started()).slice(1)).toEqual(missed);
  for (const workflowId of missed)
    expect(await resultOf(workflowId)).toMatchObject({ outcome: 'nothing due' });
  await temporal('--unpause');
  expect(await stateOf()).toMatchObject({ paused: false, note: 'CMS is back' });
  expect((await surgicase(['doctor'], env)).out).toMatch(/ok +schedule-settings/);
  expect((await surgicase(['schedules', 'apply'], env)).out).toContain(
    'note: CMS is back -> Loads every due',
  );
  expect((await stateOf()).note).toMatch(/^Loads every due .*\. Every Tuesday at 08:00 UTC\.$/);
});
