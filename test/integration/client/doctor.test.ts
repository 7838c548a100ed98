import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkNames, diagnose } from '../../../client/doctor/doctor.ts';
import { applySchedules, plannedSchedules } from '../../../client/schedules.ts';
import { readConfig } from '../../../config/config.ts';
import { surgicase } from '../../bed/cli.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';

const folder = mkdtempSync(join(tmpdir(), 'surgicase-doctor-'));
let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await startPipeline('doctor');
  await writeCases(pipeline, casesOf(10, 1));
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv([individual(1, 'SMITH', '09/01/2026')]));
  await applySchedules(pipeline.client, plannedSchedules(readConfig(pipeline.env)));
});
afterAll(async () => {
  await pipeline.stop();
  rmSync(folder, { recursive: true });
});

/** The lines of the report that are not `ok`, as people read them. */
async function faults(env: NodeJS.ProcessEnv = {}, here = folder): Promise<string[]> {
  const variables = { ...pipeline.env, ...env };
  const lines = await diagnose({ read: () => readConfig(variables), variables, folder: here });
  expect(lines.map(({ check }) => check)).toEqual(expect.arrayContaining([...checkNames]));
  return lines
    .filter(({ state }) => state !== 'ok')
    .map(({ check, state, text, fix }) => [`${state} ${check}: ${text}`, ...(fix ? [fix] : [])].join(' '));
}

/** What `plant` makes wrong, until `undo`. */
async function planted(plant: () => Promise<unknown>, undo: () => Promise<unknown>): Promise<string[]> {
  await plant();
  try {
    return await faults();
  } finally {
    await undo();
  }
}

const sql = (...statements: string[]) =>
  async function run() {
    for (const statement of statements) await pipeline.query(statement);
  };

it('finds nothing wrong where nothing is, and exits with 0', async () => {
  const { code, out } = await surgicase(['doctor'], pipeline.env);
  expect(out).not.toMatch(/WRONG|not checked/);
  expect(out).toContain('Nothing is wrong');
  expect(code).toBe(0);
});

it('works before anything is up: names what is missing once, exits with 1, and checks the rest', async () => {
  const env = {
    TEMPORAL_ADDRESS: '127.0.0.1:9',
    DATABASE_URL: 'mysql://any:secret@127.0.0.1:9/none',
    NPPES_URL: pipeline.env['NPPES_URL'],
  };
  const { code, out } = await surgicase(['doctor', '--json'], env, folder);
  const { isHealthy, lines } = JSON.parse(out) as {
    isHealthy: boolean;
    lines: { check: string; state: string }[];
  };
  const inState = (state: string) => lines.filter((line) => line.state === state).map(({ check }) => check);
  expect(code).toBe(1);
  expect(isHealthy).toBe(false);
  expect(inState('wrong')).toEqual(['temporal', 'database']);
  expect(inState('ok')).toEqual(['configuration', 'env-file', 'work-folder', 'archive-folder', 'cms']);
  expect(out).not.toContain('secret@');
});

it('names every problem of the configuration, and checks nothing with it', async () => {
  const lines = await faults({ NPI_BASELINE: 'maybe', SEARCH_SCHEMA: '1x' });
  expect(lines.slice(0, 2)).toEqual([
    expect.stringMatching(/^wrong configuration: SEARCH_SCHEMA: found "1x"; must be/),
    expect.stringMatching(/^wrong configuration: NPI_BASELINE: found "maybe"; must be/),
  ]);
  expect(lines.slice(2).every((line) => line.includes('because of the fault of `configuration`'))).toBe(true);
  expect((await faults({ TEMPORAL_ADDRESS: '' }))[0]).toMatch(/^wrong temporal: TEMPORAL_ADDRESS is not set/);
  expect((await faults({ DATABASE_URL: '' }))[0]).toMatch(/^wrong database: DATABASE_URL is not set/);
});

it('finds a wrong namespace, and one without a worker and schedules', async () => {
  const wrongName = await faults({ TEMPORAL_NAMESPACE: 'doctor-none' });
  expect(wrongName[0]).toMatch(/^wrong namespace: Temporal has no namespace doctor-none.*namespace create/);
  expect(wrongName.slice(1)).toEqual(
    ['workers', 'worker-version', 'schedules', 'schedule-settings', 'schedule-state', 'temporal-clock'].map(
      (check) => `not checked ${check}: because of the fault of \`namespace\``,
    ),
  );
  const unused = await faults({ TEMPORAL_NAMESPACE: 'default' });
  expect(unused).toHaveLength(7);
  expect(unused).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^wrong workers: No worker polls .* surgicase \(workflows\).*`surgicase worker`/),
      expect.stringMatching(/^wrong workers: No worker polls .* surgicase-npi \(loads\)/),
      expect.stringMatching(/^wrong schedules: The schedule npi-update does not exist.*schedules apply/),
    ]),
  );
});

it('finds schedules that differ, are paused, are exhausted or were closed', async () => {
  const handle = pipeline.client.schedule.getHandle('npi-update');
  expect(await faults({ SCHEDULE_NPI_UPDATE: '0 9 * * 2' })).toEqual([
    'wrong schedule-settings: The schedule npi-update differs from the configuration: cron: 0 8 * * 2 -> 0 9 * * 2. Run `surgicase schedules apply`.',
  ]);
  const paused = await planted(
    () => handle.pause('month end'),
    () => handle.unpause(),
  );
  // An update reads the schedule first, and would write the pause back.
  await expect.poll(faults, { timeout: 30_000 }).toEqual([]);
  expect(paused).toEqual([
    'warning schedule-state: The schedule npi-update is paused (month end). Run `surgicase schedules resume npi-update`.',
  ]);
  await handle.trigger();
  const fired = async () => (await handle.describe()).info.recentActions[0]?.action.workflow.workflowId;
  await expect.poll(fired, { timeout: 30_000 }).toBeDefined();
  await pipeline.client.workflow.getHandle((await fired()) ?? '').result();
  const endAt = new Date(Date.now() - 86_400_000);
  await handle.update((previous) => ({ ...previous, spec: { ...previous.spec, endAt } }));
  await expect
    .poll(faults, { timeout: 30_000 })
    .toEqual([expect.stringMatching(/^wrong schedule-state: The schedule npi-update has no next run/)]);
  await handle.delete();
  await expect
    .poll(faults, { timeout: 30_000 })
    .toEqual([
      expect.stringMatching(
        /^wrong schedules: The schedule npi-update is gone, although it has started runs/,
      ),
    ]);
  await applySchedules(pipeline.client, plannedSchedules(readConfig(pipeline.env)));
});

it('finds missing tables and columns, and columns that are too narrow', async () => {
  const search = 'doctor_search.search_surgeon_q';
  const adopt = 'Run `surgicase db adopt --dry-run`, then `surgicase db adopt`.';
  const lines = await planted(
    sql(
      `ALTER TABLE ${search} MODIFY last_name VARCHAR(20), DROP COLUMN city`,
      'ALTER TABLE doctor_app.cases RENAME COLUMN paid_to_provider_ts TO other',
    ),
    sql(
      `ALTER TABLE ${search} MODIFY last_name VARCHAR(70), ADD COLUMN city VARCHAR(40)`,
      'ALTER TABLE doctor_app.cases RENAME COLUMN other TO paid_to_provider_ts',
    ),
  );
  expect(lines).toEqual([
    `wrong registry-tables: ${search} lacks city. ${adopt}`,
    `wrong registry-tables: ${search} has columns that are too narrow: last_name. ${adopt}`,
    'not checked registry-rows: because of the fault of `registry-tables`',
    expect.stringMatching(/^wrong cases-table: doctor_app.cases lacks paid_to_provider_ts\..*db adopt/),
    'not checked local-infile: because of the fault of `registry-tables`',
    'not checked archive-files: because of the fault of `registry-tables`',
    'not checked other-loader: because of the fault of `registry-tables`',
  ]);
});

it('finds folders that are not writable, are files, or have no room', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(await faults({ NPI_WORK_DIR: join(file, 'work'), NPI_ARCHIVE_DIR: '/proc/archive' })).toEqual([
    `wrong work-folder: ${file} is a file, and must be a folder. Remove it, or set NPI_WORK_DIR to another folder.`,
    expect.stringMatching(/^wrong archive-folder: .*NPI_ARCHIVE_DIR/),
    'not checked archive-files: because of the fault of `archive-folder`',
  ]);
});

it('finds an archive that is in another folder', async () => {
  await pipeline.run();
  const NPI_ARCHIVE_DIR = join(folder, 'other');
  expect(await faults({ NPI_ARCHIVE_DIR })).toEqual([
    expect.stringMatching(
      /^wrong archive-files: NPPES_.* is published, but .*other does not exist.*mkdir -p/,
    ),
  ]);
  mkdirSync(NPI_ARCHIVE_DIR);
  expect(await faults({ NPI_ARCHIVE_DIR })).toEqual([
    expect.stringMatching(
      /^warning archive-files: NPPES_.* is published, but is not in .*other.*absolute path/,
    ),
  ]);
});

it('finds a .env that no command in this folder reads, and one that the environment overrides', async () => {
  const sub = join(folder, 'sub');
  mkdirSync(sub, { recursive: true });
  writeFileSync(join(folder, '.env'), 'NPI_BASELINE=never\nOTHER=1\n');
  expect(await faults({}, sub)).toEqual([
    `wrong env-file: ${join(folder, '.env')} sets NPI_BASELINE, but a command in ${sub} reads only the .env of its own folder. Run in ${folder}, or set the variables in the environment.`,
  ]);
  expect(await faults({ NPI_BASELINE: 'auto' }, folder)).toEqual([
    expect.stringMatching(/^warning env-file: The environment sets NPI_BASELINE to another value/),
  ]);
  rmSync(join(folder, '.env'));
});

it('finds a clock that is wrong', async () => {
  const late = join(folder, 'late.mjs');
  writeFileSync(
    late,
    `const Real = Date, now = () => Real.now() - 40_000;
     globalThis.Date = class extends Real {
       static now = now;
       constructor(...given) { super(...(given.length > 0 ? given : [now()])); }
     };`,
  );
  const { code, out } = await surgicase(['doctor'], { ...pipeline.env, NODE_OPTIONS: `--import=${late}` });
  expect(out).toMatch(
    /WRONG +temporal-clock +The clock of Temporal is (39|4\d)\.\d s ahead of this host\. Turn on/,
  );
  expect(out).toMatch(
    /WRONG +database-clock +The clock of the database is (39|4\d)\.\d s ahead of this host\./,
  );
  expect(code).toBe(1);
});

it('finds a page that does not answer, that needs a proxy, or that a proxy hides', exhaustive, async () => {
  expect(await faults({ NPPES_URL: 'http://127.0.0.1:9/NPI_Files.html' })).toEqual([
    expect.stringMatching(/^wrong cms: .*set HTTPS_PROXY/),
  ]);
  const server = createServer((_, response) =>
    response
      .setHeader('content-type', 'text/html')
      .end('<a href="NPPES_Data_Dissemination_090726_091326_Weekly_V2.zip">'),
  );
  await once(server.listen(0, '0.0.0.0'), 'listening');
  const { port } = server.address() as AddressInfo;
  const page = { NPPES_URL: `http://cms.invalid:${port}/NPI_Files.html` };
  expect(await faults(page)).toEqual([
    expect.stringMatching(/^wrong cms: .*only through a proxy, set HTTPS_PROXY/),
  ]);
  expect(await faults({ ...page, HTTP_PROXY: `http://127.0.0.1:${port}` })).toEqual([]);
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const own = addresses.find(({ family, internal: isInternal }) => family === 'IPv4' && !isInternal);
  if (own) {
    const NPPES_URL = `http://${own.address}:${port}/NPI_Files.html`;
    expect(await faults({ NPPES_URL, HTTP_PROXY: 'http://127.0.0.1:9' })).toEqual([
      expect.stringMatching(/^wrong cms: .*answers without the proxy.*NO_PROXY/),
    ]);
  }
  server.close();
});
