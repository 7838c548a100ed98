import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { pendingActivity } from '../../../client/pending-activity.ts';
import { surgicase, type Ended } from '../../bed/cli.ts';
import { wordsOf } from '../../bed/command-line.ts';
import { commandLines, pages } from '../../bed/documented-commands.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { makeCurrent, versionOf } from '../../bed/worker-version.ts';
import { startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import {
  individual,
  npidataCsv,
  organization,
  weeklyName,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';

// The examples of every command, which `--help` and docs/cli.md print, and the commands of `surgicase` and `temporal` in the
// blocks and the prose of the other pages run as they are printed. Only ids, placeholders, the path of a zip and the server's
// address are replaced by some that exist here. Commands of other programs (npm, docker, kubectl, systemctl, useradd, curl) are
// not run: they install the service, or need a daemon.
const page = readFileSync(fileURLToPath(new URL('../../../docs/cli.md', import.meta.url)), 'utf8');
const examples = Array.from(page.matchAll(/^```sh\n(.*?)^```$/gms), ([, block = '']) =>
  block.trim().split('\n'),
).flat();

/** Their own tests run their commands in order. */
const ordered = ['docs/schedules.md', 'docs/migrating.md'];

/** What nobody can run here, and why. */
const notRun: readonly RegExp[] = [
  // They stay up; test/integration/local and test/integration/worker run them.
  /^surgicase (?:start|worker)\b/,
  // Prose that names a command or a group alone.
  /^surgicase (?:cases|cases undo|cases exceptions|npi load|npi prove|run|runs (?:show|approve|reject|cancel))$/,
  /^temporal (?:schedule|workflow start|workflow describe|workflow reset|activity pause)$/,
];

const runId = /[\da-f]{8}-[\da-f-]{27}|<run(?: id)?>/;
const printed = pages
  .filter((path) => !ordered.includes(path))
  .flatMap((path) => commandLines(path, 'surgicase|temporal'));
const lines = Array.from(
  new Set([...examples, ...printed].map((line) => line.replace(runId, '<run>'))),
).filter((line) => notRun.every((pattern) => !pattern.test(line)));

const name = 'examples';
const folder = mkdtempSync(join(tmpdir(), 'surgicase-examples-'));
let pipeline: Pipeline;
let secondVersion: WorkerProcess | undefined;

beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MIN_ROWS: '0%' });
  const rows = [
    { ...individual(1, 'SMITH', '09/01/2026'), NPI: '1234567893' },
    { ...individual(4, 'SALBERBY', '09/01/2026'), NPI: '1464161961' },
    organization(2, 'MERCY SURGERY CENTER', '09/01/2026'),
  ];
  await writeMonthly(pipeline.site, 'September_2026', '20260913', rows);
  await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv([individual(3, 'JONES', '09/15/2026')]));
  await pipeline.run();
  await writeCases(pipeline, casesOf(10, 3));
  await ended('surgicase schedules apply');
});
afterAll(async () => {
  secondVersion?.child.kill('SIGTERM');
  await secondVersion?.exit;
  await pipeline.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ended = (line: string): Promise<Ended> =>
  line.startsWith('temporal ') ? temporal(line) : surgicase(wordsOf(line).slice(1), pipeline.env, folder);

/** Temporal's own command line. A person answers its questions with yes. */
async function temporal(line: string): Promise<Ended> {
  const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } = pipeline.env;
  const env = { ...process.env, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE };
  const running = promisify(execFile)(inject('temporalCli'), wordsOf(line).slice(1), { env });
  running.child.stdin?.end('y\n');
  return running.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      out: stdout,
      err: stderr,
    }),
  );
}

/** The id of a new run of the job, which has ended unless it waits for an approval. */
async function startedRun(job: string, options = ''): Promise<string> {
  const { out } = await ended(`surgicase run ${job} ${options} --json`);
  return (JSON.parse(out) as { runId: string }).runId;
}

/** A run of `paid-update` that waits for an approval. */
async function waitingRun(): Promise<string> {
  await writeCases(pipeline, casesOf(15, 3));
  const started = await startedRun('paid-update', '--limit 1 --no-wait');
  const handle = pipeline.client.workflow.getHandle('paid-update-manual');
  const phase = async () => (await handle.query<{ phase: string }>('progress')).phase;
  await expect.poll(phase, { timeout: 30_000 }).toBe('approval');
  return started;
}

/** Breaks off the download that the page holds back. */
let release = () => {};

/** A run of `npi-update` whose download the page holds back. */
async function runInDownload(): Promise<void> {
  const week = '20260921-20260927';
  const zip = weeklyName(week);
  pipeline.page.intercept = ({ method, url }, response) => {
    if (method !== 'GET' || url?.endsWith(zip) !== true) return false;
    release = () => void response.destroy();
    return true;
  };
  await writeWeekly(pipeline.site, week, npidataCsv([individual(5, 'ADAMS', '09/22/2026')]));
  await startedRun('npi-update', '--dry-run --no-wait');
  const handle = pipeline.client.workflow.getHandle('npi-update-manual');
  const activity = async () => pendingActivity(await handle.describe())?.name;
  await expect.poll(activity, { timeout: 30_000 }).toBe('download');
}

/** Waits until no run is open: the last command may have left one that ends by itself. */
async function openRunsEnd(): Promise<void> {
  const open = async () => {
    const found: string[] = [];
    for await (const { workflowId } of pipeline.client.workflow.list({
      query: "ExecutionStatus = 'Running'",
    }))
      found.push(workflowId);
    return found;
  };
  await expect.poll(open, { timeout: 30_000 }).toEqual([]);
}

/** What must exist before a command can run as it is printed. */
const preparations: readonly (readonly [RegExp, () => Promise<string | void>])[] = [
  [/ runs (?:approve|reject|cancel) | workflow cancel /, waitingRun],
  [/ cases compare /, () => startedRun('pending-payment-update', '--dry-run')],
  [/ activity pause /, runInDownload],
  [
    / set-current-version .*--build-id 2/,
    async () => {
      secondVersion = await startWorkerProcess({ ...pipeline.env, ...versionOf('2') });
      // The server knows a version some moments after its worker has polled.
      await makeCurrent(name, '2');
    },
  ],
  [
    /--acknowledge 12/,
    async () => {
      await pipeline.query(
        `INSERT INTO warning (warning_id, job, remark, is_standing, run_id, first_seen, last_seen)
         VALUES (12, 'npi-update', 'remark', FALSE, '0197a5d0-1111-7222-8333-444455556666', NOW(6), NOW(6))
         ON DUPLICATE KEY UPDATE acknowledged_at = NULL`,
      );
    },
  ],
  [/ npi rollback --(?:forward|resume)$/, async () => void (await pipeline.run({ rollback: 'back' }))],
  [/<run>/, () => startedRun('pending-payment-update')],
];

/** Loads the week again that a command has taken back. */
async function bringBack(line: string): Promise<void> {
  if (/ npi rollback(?! --(?:forward|resume))/.test(line)) await pipeline.run({ rollback: 'forward' });
  if (!line.endsWith('--resume')) return;
  // What was given up is not loaded again; a corrected week is.
  const rows = [individual(3, 'JONES', '09/15/2026'), individual(6, 'BAKER', '09/15/2026')];
  await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv(rows));
  await pipeline.run();
}

/** The commands between a pause and its end belong together. */
const needsOpenRun = / activity unpause /;

/** Makes what the command names, and returns the command as a person here would type it. */
async function typed(line: string): Promise<string> {
  if (!needsOpenRun.test(line)) await openRunsEnd();
  await writeCases(pipeline, casesOf(10, 3));
  const [, prepare] = preparations.find(([pattern]) => pattern.test(line)) ?? [];
  const made = (await prepare?.()) ?? '';
  const { TEMPORAL_ADDRESS = '' } = pipeline.env;
  return line
    .replace('<run>', made)
    .replace('<job>', 'paid-update')
    .replace(/<npi>|\b1000\d{6}\b/, '1234567893')
    .replace('111626_112226', '091426_092026')
    .replace('<case>', 'case-000001')
    .replace('<zip>', '/data/NPPES_Data_Dissemination_September_2026_V2.zip')
    .replace(/--workflow-id(?: <workflow>)?$/, '--workflow-id paid-update-manual')
    .replace('127.0.0.1:7233', TEMPORAL_ADDRESS)
    .replace('/data/', `${pipeline.site}/`);
}

/** What else than 0 a command may answer here, with the reason. */
const others: readonly (readonly [RegExp, number, RegExp])[] = [
  // Only a person at a terminal can answer.
  [/ cases undo \S+$/, 2, /--yes/],
  // No run is open that it could follow.
  [/ --attach$/, 1, /No run of npi-update is open/],
  // The page of the tests is neither CMS's nor new enough, and the schedules were just paused.
  [/ (?:status|doctor)\b/, 1, /./],
];

it.each(lines)('%s', exhaustive, async (printedLine) => {
  const line = await typed(printedLine);
  const schedule = /schedule trigger --schedule-id (\S+)/.exec(line)?.[1];
  const taken = async () =>
    (await pipeline.client.schedule.getHandle(schedule ?? '').describe()).info.numActionsTaken;
  const before = schedule === undefined ? 0 : await taken();
  const { code, out, err } = await ended(line);
  const other = others.find(([pattern]) => pattern.test(line));
  if (code !== 0)
    expect([code, out + err], line).toEqual([other?.[1], expect.stringMatching(other?.[2] ?? /^$/)]);
  expect(err).not.toMatch(/^\s+at /m);
  if (schedule !== undefined) await expect.poll(taken, { timeout: 20_000 }).toBe(before + 1);
  await bringBack(line);
  if (needsOpenRun.test(line)) {
    pipeline.page.intercept = undefined;
    release();
  }
});
