import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  weeklyName,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

// Runs commands as a person does: each in its own process, with real servers, in a folder without a `.env`.
let pipeline: Pipeline;
const folder = mkdtempSync(join(tmpdir(), 'surgicase-commands-'));
const run = (...args: string[]) => surgicase(args, pipeline.env, folder);
const json = async (...args: string[]) => {
  const { code, out } = await run(...args, '--json');
  return { code, value: JSON.parse(out) as never as Record<string, never> & Record<string, never>[] };
};

beforeAll(async () => {
  pipeline = await startPipeline('commands');
});
afterEach(async () => {
  const { schedule } = pipeline.client;
  for await (const { scheduleId } of schedule.list()) await schedule.getHandle(scheduleId).delete();
  await pipeline.reset();
});
afterAll(async () => {
  await pipeline.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Who decides when a command does not say it. */
const operator = `${userInfo().username}@${hostname()}`;
const describeNpi = () => pipeline.client.schedule.getHandle('npi-update').describe();
const offerWeek = () =>
  writeWeekly(
    pipeline.site,
    '20260907-20260913',
    npidataCsv([individual(1, 'SMITH', '09/08/2026'), organization(2, 'SMITH CLINIC', '09/08/2026')]),
  );

/** The note of a schedule that is not paused. */
const loads =
  'Loads every due NPPES file from the CMS page into the provider and search tables. Every Tuesday at 08:00 UTC.';

describe('surgicase schedules', () => {
  it('apply creates the schedules, and changes nothing the second time', async () => {
    expect((await run('schedules', 'apply', '--dry-run')).out).toContain('npi-update: would be created');
    await expect(describeNpi()).rejects.toThrow('not found');
    const applied = await json('schedules', 'apply');
    const created = { action: 'created', differences: [] };
    expect(applied).toEqual({
      code: 0,
      value: ['pending-payment-update', 'npi-update', 'paid-update'].map((job) => ({ job, ...created })),
    });
    const { policies, info, state } = await describeNpi();
    expect(policies).toMatchObject({ overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: 24 * 3_600_000 });
    expect(state).toMatchObject({ paused: false, note: loads });
    const [next] = info.nextActionTimes;
    expect([next?.getUTCDay(), next?.getUTCHours(), next?.getUTCMinutes()]).toEqual([2, 8, 0]);
    for (const change of (await json('schedules', 'apply')).value)
      expect(change).toMatchObject({ action: 'unchanged' });
  });

  it('apply changes what differs, names it, and keeps a pause set by an operator', async () => {
    await run('schedules', 'apply');
    await run('schedules', 'pause', 'npi-update', '--by', 'ana@desk', '--reason', 'CMS is down');
    const env = { ...pipeline.env, SCHEDULE_NPI_UPDATE: '30 9 * * 3', SCHEDULE_CATCHUP: '6h' };
    const diff = await surgicase(['schedules', 'diff'], env, folder);
    expect(diff.out).toContain('cron: 0 8 * * 2 -> 30 9 * * 3');
    await surgicase(['schedules', 'apply'], env, folder);
    const { spec, state, policies } = await describeNpi();
    expect(spec.calendars?.map(({ comment }) => comment)).toEqual(['30 9 * * 3']);
    expect(policies.catchupWindow).toBe(6 * 3_600_000);
    const note = 'paused by ana@desk: CMS is down';
    expect(state).toMatchObject({ paused: true, note });
    expect((await run('schedules', 'list')).out).toContain(`30 9 * * 3 UTC, ${note}`);
    await run('schedules', 'resume', 'npi-update');
    const sentence = loads.replace('Tuesday at 08:00', 'Wednesday at 09:30');
    const resumed = { paused: false, note: `${sentence} Resumed by ${operator}` };
    expect((await describeNpi()).state).toMatchObject(resumed);
    expect((await surgicase(['schedules', 'apply'], env, folder)).out).toContain('npi-update: unchanged');
    expect((await run('schedules', 'apply')).out).toContain(`note: ${resumed.note} -> ${loads}`);
    expect((await describeNpi()).state).toMatchObject({ paused: false, note: loads });
    expect(
      await pipeline.query(
        'SELECT job, what, decided_by AS person, reason FROM decision ORDER BY decided_at',
      ),
    ).toEqual([
      { job: 'npi-update', what: 'pause', person: 'ana@desk', reason: 'CMS is down' },
      { job: 'npi-update', what: 'resume', person: operator, reason: null },
    ]);
  });

  it('pause --for ends by itself, and an apply keeps its end', async () => {
    await run('schedules', 'apply');
    const { value } = await json(
      'schedules',
      'pause',
      'npi-update',
      '--for',
      '10d',
      '--by',
      'ana',
      '--reason',
      'CMS is down',
    );
    const until = (value as unknown as { until: string }).until;
    const day = until.slice(0, 10);
    const note = `paused until ${day} ${until.slice(11, 16)} UTC by ana: CMS is down`;
    expect((await run('schedules', 'list')).out).toContain(`0 8 * * 2 UTC, ${note}`);
    const later = { ...pipeline.env, SCHEDULE_NPI_UPDATE: '* * * * *' };
    expect((await surgicase(['schedules', 'apply'], later, folder)).out).toContain('npi-update: updated');
    const held = await describeNpi();
    expect(held.state).toMatchObject({ paused: false, note });
    expect(held.info.nextActionTimes[0]?.getTime()).toBeGreaterThanOrEqual(Date.parse(until));
  });

  it('a pause with --for can be made endless, ended by hand, and ends', exhaustive, async () => {
    await run('schedules', 'apply');
    await run('schedules', 'pause', 'npi-update', '--for', '10d');
    await run('schedules', 'pause', 'npi-update');
    expect((await describeNpi()).state.paused).toBe(true);
    await run('schedules', 'resume', 'npi-update');
    const resumed = await describeNpi();
    expect(resumed.state.paused).toBe(false);
    expect(resumed.info.nextActionTimes[0]?.getTime()).toBeLessThan(Date.now() + 7 * 86_400_000);
    await run('schedules', 'pause', 'npi-update', '--for', '1s');
    await expect
      .poll(async () => (await json('schedules', 'list')).value, { timeout: 20_000 })
      .toContainEqual(expect.objectContaining({ job: 'npi-update', isPaused: false }));
    expect(await run('schedules', 'pause', 'npi-update', '--for', 'soon')).toMatchObject({
      code: 2,
      err: expect.stringContaining('such as 12h or 2d'),
    });
  });

  it('off pauses with a note, and a schedule that is turned on again fires', async () => {
    const off = { ...pipeline.env, SCHEDULE_NPI_UPDATE: 'off' };
    await surgicase(['schedules', 'apply'], off, folder);
    expect((await describeNpi()).state).toMatchObject({ paused: true, note: 'off by configuration' });
    const resumed = await surgicase(['schedules', 'resume', 'npi-update'], off, folder);
    expect(resumed).toMatchObject({ code: 2, err: expect.stringContaining('off by configuration') });
    const timed = await surgicase(['schedules', 'pause', 'npi-update', '--for', '2d'], off, folder);
    expect(timed).toMatchObject({ code: 2, err: expect.stringContaining('off by configuration') });
    expect((await json('schedules', 'apply')).value).toContainEqual(
      expect.objectContaining({ job: 'npi-update', action: 'updated' }),
    );
    expect((await describeNpi()).state.paused).toBe(false);
  });
});

describe('surgicase run npi-update', () => {
  it('fires the schedule, follows the run and prints its result', async () => {
    await offerWeek();
    await run('schedules', 'apply');
    const first = await run('run', 'npi-update');
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/npi-update: published in/) });
    expect(first.out).toContain('2 rows: 2 inserted, 0 updated, 0 unchanged, 0 stale, 0 refused');
    const second = await json('run', 'npi-update');
    expect(second).toMatchObject({ code: 0, value: { result: { outcome: 'nothing due' } } });
    expect(await run('run', 'npi-update', '--quiet')).toEqual({ code: 0, out: '', err: '' });
    const searched = await run('npi', 'search', 'smi');
    expect(searched.out).toMatch(
      /^KIND {6}NPI {9}NAME {10}ADDRESS {2}CITY {2}STATE {2}ZIP\nsurgeon {3}\d{10} {2}SMITH\n/,
    );
    expect(searched.out).toContain(npi(1));
    expect(searched.out).not.toContain('More match');
    expect((await json('npi', 'search', 'smith c', '--contains')).value).toEqual([
      expect.objectContaining({ npi: Number(npi(2)), facility_name: 'SMITH CLINIC' }),
    ]);
    expect((await json('npi', 'lookup', npi(1))).value).toMatchObject({ table: 'npi_data_1' });
    expect(await json('npi', 'lookup', npi(9))).toEqual({ code: 1, value: null });
  });

  it('does the same as a trigger of the Temporal CLI or the Web UI', exhaustive, async () => {
    await offerWeek();
    await run('schedules', 'apply');
    await pipeline.client.schedule.getHandle('npi-update').trigger(ScheduleOverlapPolicy.SKIP);
    const started = async () => (await describeNpi()).info.recentActions[0]?.action.workflow.workflowId;
    await expect.poll(started, { timeout: 20_000 }).toMatch(/^npi-update-/);
    const result = await pipeline.client.workflow.getHandle((await started()) ?? '').result();
    expect(result).toMatchObject({ outcome: 'published' });
  });

  it('--dry-run publishes nothing', async () => {
    await offerWeek();
    const dry = await json('run', 'npi-update', '--dry-run');
    expect(dry).toMatchObject({ code: 0, value: { result: { outcome: 'dry run' } } });
    expect(await pipeline.query('SELECT 1 FROM commands_app.npi_data_1')).toEqual([]);
  });

  it('exits 1 with the failure, its reason and the next step', async () => {
    await run('schedules', 'apply');
    const failed = await run('run', 'npi-update');
    expect(failed.code).toBe(1);
    expect(failed.out).toContain('npi-update: failed: PageWithoutLinks');
    expect(failed.out).toContain('docs/troubleshooting.md');
    const quiet = await run('run', 'npi-update', '--quiet');
    expect(quiet).toMatchObject({ code: 1, out: '', err: expect.stringContaining('PageWithoutLinks') });
  });

  it('exits 4 when the same job is running, and --attach follows that run', exhaustive, async () => {
    await offerWeek();
    await run('schedules', 'apply');
    const release = await holdLease();
    const waiting = await json('run', 'npi-update', '--no-wait');
    expect(waiting.code).toBe(0);
    expect(await run('run', 'npi-update')).toMatchObject({
      code: 4,
      err: expect.stringContaining('already running'),
    });
    const attached = run('run', 'npi-update', '--attach');
    await release();
    expect(await attached).toMatchObject({ code: 0, out: expect.stringContaining('published in') });
  });

  it('exits 2 for wrong usage or configuration, 3 when a service does not answer', async () => {
    expect((await run('run', 'nothing')).code).toBe(2);
    expect((await run('run', 'npi-update', '--attach', '--dry-run')).code).toBe(2);
    expect(await run('run', 'npi-update', '--attach')).toMatchObject({
      code: 1,
      err: expect.stringContaining('No run of npi-update is open.'),
    });
    expect(await json('npi', 'search', 'x', '--limit', 'many')).toMatchObject({
      code: 2,
      value: {
        error: {
          message: expect.stringContaining("'--limit <rows>' argument 'many' is invalid"),
          exitCode: 2,
        },
      },
    });
    for (const [option, ...words] of [
      ['--acknowledge', 'status'],
      ['--finish', 'db', 'adopt'],
    ])
      expect(await run(...words, '--reason', 'tidy')).toMatchObject({
        code: 2,
        err: expect.stringContaining(`--by and --reason need ${option}`),
      });
    expect(await run('run', 'npi-update')).toMatchObject({
      code: 2,
      err: expect.stringContaining('surgicase schedules apply'),
    });
    const unreachable = {
      ...pipeline.env,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      DATABASE_URL: 'mysql://a:b@127.0.0.1:1/c',
    };
    expect((await surgicase(['run', 'npi-update'], unreachable, folder)).code).toBe(3);
    expect((await surgicase(['npi', 'lookup', npi(1)], unreachable, folder)).code).toBe(3);
    expect(await surgicase(['worker'], unreachable, folder)).toMatchObject({
      code: 3,
      err: expect.stringContaining('Temporal at 127.0.0.1:1 does not answer'),
    });
    const nowhere = { ...pipeline.env, TEMPORAL_NAMESPACE: 'nowhere' };
    expect(await surgicase(['schedules', 'list'], nowhere, folder)).toMatchObject({
      code: 2,
      err: expect.stringContaining('TEMPORAL_NAMESPACE'),
    });
    expect(await surgicase(['schedules', 'list', '--json'], {}, folder)).toMatchObject({
      code: 2,
      out: expect.stringContaining('TEMPORAL_ADDRESS is required'),
    });
    expect(await surgicase(['start'], { TEMPORAL_ADDRESS: '127.0.0.1:1' }, folder)).toMatchObject({
      code: 2,
      err: expect.stringContaining('DATABASE_URL'),
    });
  });
});

it('surgicase npi releases lists what the page offers, and what of it is loaded', async () => {
  await offerWeek();
  const fileName = weeklyName('20260907-20260913');
  const offered = { fileName, kind: 'weekly', periodStart: '2026-09-07', periodEnd: '2026-09-13' };
  expect((await json('npi', 'releases')).value).toEqual([
    { ...offered, state: 'not loaded', publishedAt: null },
  ]);
  await pipeline.run();
  const listed = `weekly +2026-09-07 to 2026-09-13 +published 20.* UTC  ${fileName}`;
  const kept = String.raw`.* keeps \d+\.\d MB\.`;
  expect((await run('npi', 'releases')).out).toMatch(new RegExp(`^${listed}\n${kept}\n$`));
});

describe('surgicase npi replace', () => {
  const offerMonthly = () =>
    writeMonthly(pipeline.site, 'September_2026', '20260913', [
      individual(1, 'SMITH', '09/08/2026'),
      organization(2, 'SMITH CLINIC', '09/08/2026'),
    ]);
  const name = 'NPPES_Data_Dissemination_September_2026_V2';
  // No Temporal and no database: a dry run needs only the page.
  const dryRun = (...args: string[]) =>
    surgicase(['npi', 'replace', '--dry-run', ...args], { NPPES_URL: pipeline.env['NPPES_URL'] }, folder);
  /** The content length that the server reports for the monthly. */
  const answerWithLength = (sizeBytes: number) => {
    pipeline.page.intercept = (request, response) => {
      if (request.method !== 'HEAD') return false;
      response.setHeader('content-length', sizeBytes);
      response.end();
      return true;
    };
  };

  it('--dry-run says how much space the newest monthly needs, and writes nothing', async () => {
    await offerMonthly();
    await writeMonthly(pipeline.site, 'August_2026', '20260809', []);
    answerWithLength(1.16e9);
    const before = readdirSync(folder, { recursive: true });
    const { code, out } = await dryRun();
    expect(code).toBe(0);
    expect(out).toContain(`${name} (1.2 GB zip): about 9,798,758 rows, 11.7 GB of CSV`);
    expect(out).toMatch(/NPI_WORK_DIR +needs 7\.6 GB, [\d.]+ GB free in .*work/);
    expect(out).toMatch(/NPI_ARCHIVE_DIR +needs 1\.2 GB, [\d.]+ GB free in .*archive/);
    expect(out).toMatch(/MySQL +needs 10\.8 GB .* 21\.6 GB in total if a monthly is already loaded/);
    expect(out).toMatch(/time +about 8 min on two cores/);
    expect(readdirSync(folder, { recursive: true })).toEqual(before);
    expect(JSON.parse((await dryRun('--json')).out)).toMatchObject({
      release: name,
      sizeBytes: 1.16e9,
      estimate: { rows: 9_798_758, archiveBytes: 1.16e9 },
      folders: [{ name: 'NPI_WORK_DIR' }, { name: 'NPI_ARCHIVE_DIR', neededBytes: 1.16e9 }],
    });
  });

  it('--dry-run warns when a folder is too small', async () => {
    await offerMonthly();
    answerWithLength(1e15);
    const { code, out } = await dryRun();
    expect(code).toBe(0);
    expect(out).toMatch(/WARNING: not enough disk space: NPI_WORK_DIR needs [\d.]+ GB more/);
  });

  it('--dry-run exits 1 when the page lists no monthly or no zip, 3 when there is no page', async () => {
    expect(await dryRun()).toMatchObject({
      code: 1,
      err: expect.stringContaining('contains no links to NPPES files'),
    });
    await offerWeek();
    expect(await dryRun('--json')).toMatchObject({
      code: 1,
      out: expect.stringContaining('The page lists no monthly whose period is over.'),
    });
    const nowhere = { NPPES_URL: 'http://127.0.0.1:1/NPI_Files.html' };
    expect(await surgicase(['npi', 'replace', '--dry-run'], nowhere, folder)).toMatchObject({
      code: 3,
      err: expect.stringContaining('Check NPPES_URL'),
    });
  });

  it('replaces the tables with the monthly, and says the second time that the same content is already published', async () => {
    await offerMonthly();
    const first = await run('npi', 'replace');
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/npi-update: published in/) });
    expect(first.out).toContain('2 rows: 2 inserted, 0 updated');
    expect(await pipeline.query('SELECT what, decided_by AS person FROM decision')).toEqual([
      { what: 'replace', person: operator },
    ]);
    expect(first.out).toMatch(/download [\d.]+ s, load [\d.]+ s, index [\d.]+ s, swap [\d.]+ s, archive/);
    expect((await run('npi', 'search', 'smi')).out).toContain(npi(1));
    const second = await run('npi', 'replace');
    expect(second).toMatchObject({ code: 0, out: expect.stringContaining('npi-update: nothing due') });
    expect(second.out).toContain(
      `${name} is already published with the same content: nothing to load. To load published releases again, run \`surgicase npi rebuild --from-archive\`.`,
    );
  });

  it('exits 4 while a manual run is open', exhaustive, async () => {
    await offerMonthly();
    const release = await holdLease();
    const waiting = await json('npi', 'replace', '--no-wait');
    expect(waiting).toMatchObject({ code: 0, value: { workflowId: 'npi-update-manual' } });
    expect(await run('npi', 'replace')).toMatchObject({
      code: 4,
      err: expect.stringContaining('npi-update is already running'),
    });
    await release();
    const result = await pipeline.client.workflow.getHandle('npi-update-manual').result();
    expect(result).toMatchObject({ outcome: 'published', releases: [{ kind: 'monthly', release: name }] });
  });
});

/** Holds the job's lease for another run until the returned function is called. */
async function holdLease(): Promise<() => Promise<unknown>> {
  await pipeline.query(
    `INSERT INTO lease (job, epoch, workflow_id, run_id, expires_at)
     VALUES ('npi-update', 1, 'another', '00000000-0000-0000-0000-000000000000', NOW(6) + INTERVAL 1 HOUR)`,
  );
  return () => pipeline.query(`UPDATE lease SET expires_at = NOW(6) WHERE job = 'npi-update'`);
}
