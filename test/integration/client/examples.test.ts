import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { wordsOf } from '../../bed/command-line.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import {
  individual,
  npidataCsv,
  organization,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';

// The examples of every command, which `--help` and docs/cli.md print, run as they are printed. Only ids and the path of a
// zip are replaced by some that exist here. `start` and `worker` stay up; test/integration/local and worker try them.
const page = readFileSync(fileURLToPath(new URL('../../../docs/cli.md', import.meta.url)), 'utf8');
const examples = Array.from(page.matchAll(/^```sh\n(.*?)^```$/gms), ([, block = '']) =>
  block.trim().split('\n'),
)
  .flat()
  .filter((line) => !/^surgicase (?:start|worker)\b/.test(line));

const name = 'examples';
const folder = mkdtempSync(join(tmpdir(), 'surgicase-examples-'));
let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MIN_ROWS: '0%' });
  const rows = [
    { ...individual(1, 'SMITH', '09/01/2026'), NPI: '1234567893' },
    organization(2, 'MERCY SURGERY CENTER', '09/01/2026'),
  ];
  await writeMonthly(pipeline.site, 'September_2026', '20260913', rows);
  await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv([individual(3, 'JONES', '09/15/2026')]));
  await pipeline.run();
  await writeCases(pipeline, casesOf(10, 3));
  await ended('surgicase schedules apply');
});
afterAll(async () => {
  await pipeline.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ended = (line: string) => surgicase(wordsOf(line).slice(1), pipeline.env, folder);

/** The id of a new run of the job, which has ended unless it waits for an approval. */
async function startedRun(job: string, options = ''): Promise<string> {
  const { out } = await ended(`surgicase run ${job} ${options} --json`);
  return (JSON.parse(out) as { runId: string }).runId;
}

/** Waits until the run that the last example answered has ended: it may still move cases. */
async function answeredRunEnds(): Promise<void> {
  const status = async () => {
    const found = pipeline.client.workflow.getHandle('paid-update-manual').describe();
    return found.then(({ status: { name: state } }) => state).catch(() => 'none');
  };
  await expect.poll(status, { timeout: 30_000 }).not.toBe('RUNNING');
}

/** Makes what the example names, and returns the example as a person here would type it. */
async function typed(line: string): Promise<string> {
  await answeredRunEnds();
  const withRun = (runId: string) => line.replace('0197a5d0-1111-7222-8333-444455556666', runId);
  if (/ runs (?:approve|reject|cancel) /.test(line)) {
    await writeCases(pipeline, casesOf(15, 3));
    const runId = await startedRun('paid-update', '--limit 1 --no-wait');
    const phase = async () =>
      (
        (await pipeline.client.workflow.getHandle('paid-update-manual').query('progress')) as {
          phase: string;
        }
      ).phase;
    await expect.poll(phase, { timeout: 30_000 }).toBe('approval');
    return withRun(runId);
  }
  if (/0197a5d0/.test(line)) {
    await writeCases(pipeline, casesOf(10, 3));
    const options = line.includes(' cases compare ') ? '--dry-run' : '';
    return withRun(await startedRun('pending-payment-update', options));
  }
  if (line.includes('--acknowledge 12'))
    await pipeline.query(
      `INSERT INTO warning (warning_id, job, remark, is_standing, run_id, first_seen, last_seen)
       VALUES (12, 'npi-update', 'remark', FALSE, '0197a5d0-1111-7222-8333-444455556666', NOW(6), NOW(6))`,
    );
  return line.replace('/data/', `${pipeline.site}/`);
}

/** What else than 0 a command may answer here, with the reason. */
const others: readonly (readonly [RegExp, number, RegExp])[] = [
  // Only a person at a terminal can answer.
  [/ cases undo \S+$/, 2, /--yes/],
  // The page of the tests is neither CMS's nor new enough, and the schedules were just paused.
  [/ (?:status|doctor)\b/, 1, /./],
];

it.each(examples)('%s', exhaustive, async (example) => {
  const line = await typed(example);
  const { code, out, err } = await ended(line);
  const other = others.find(([pattern]) => pattern.test(line));
  if (code !== 0)
    expect([code, out + err], line).toEqual([other?.[1], expect.stringMatching(other?.[2] ?? /^$/)]);
  expect(err).not.toMatch(/^\s+at /m);
});
