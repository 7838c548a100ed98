import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';
import { createBed, type AdoptionBed } from '../../bed/adoption-bed.ts';
import { surgicase, type Ended } from '../../bed/cli.ts';
import { oldNpiUpdate, oldPendingPaymentUpdate } from '../../bed/old-scheduler.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { caseId } from '../../generated/cases.ts';
import { productionRows } from '../../generated/production-rows.ts';
import { exhaustive } from '../../bed/extent.ts';
import { individual, npi, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';

// Runs the commands and the SQL of docs/migrating.md in their order. The tests build on each other.
const name = 'migrating';
const providers = 300;
const page = readFileSync(new URL('../../../docs/migrating.md', import.meta.url), 'utf8');
const steps = {
  shadow: '1. A shadow week',
  adopt: '3. Adopt the tables',
  switch: '4. Switch',
  finish: '5. Finish',
  both: 'Two schedulers at once',
};
const oldWeek = 'npidata_pfile_20260914-20260920.csv';

const section = (title: string) => page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const blocks = (title: string, language: string) =>
  Array.from(section(title).matchAll(/^```(\w*)\n(.*?)^```$/gms))
    .filter(([, found]) => found === language)
    .map(([, , text = '']) => text);

/** The commands of one block after another. */
const commands = (title: string) =>
  blocks(title, '')
    .map((block) => block.match(/^surgicase .*$/gm) ?? [])
    .filter((lines) => lines.length > 0);

/** The SQL of a section for the schemas of this test. */
const statements = (title: string) =>
  blocks(title, 'sql')
    .join('')
    .replaceAll('allstars', `${name}_app`)
    .replaceAll('search_surgeon_facility', `${name}_search`)
    .replaceAll('surgicase_scheduler', `${name}_own`)
    .split(/;\n/)
    .filter((sql) => sql.trim() !== '');

let bed: AdoptionBed;
let pipeline: Pipeline;
let env: NodeJS.ProcessEnv;
let worker: WorkerProcess | undefined;
let before: unknown;
let shadowRun = '';

beforeAll(async () => {
  bed = await createBed(name, productionRows(providers, 11));
  await bed.query(
    `INSERT INTO ${name}_app.npi_update_log (execution_ts, filename_processed, total_rows, total_0_rows, total_1_rows, total_2_rows, created_ts)
     VALUES (NOW(), 'npidata_pfile_20050523-20260913.csv', 300, 30, 210, 60, NOW() - INTERVAL 20 DAY),
       (NOW(), '${oldWeek}', 40, 1, 30, 9, NOW() - INTERVAL 5 DAY)`,
  );
  const cases = [1, 2, 3, 4, 5, 6].map((number) => `('${caseId(number)}', ${number <= 4 ? 10 : 15})`);
  await bed.query(`INSERT INTO ${name}_app.cases (case_id, case_status) VALUES ${cases.join(', ')}`);
  before = await checksums();
  pipeline = await startPipeline(name, {}, { hasWorker: false });
  env = { ...pipeline.env, NPI_BASELINE: 'never' };
});
afterAll(async () => {
  await stopWorker();
  await pipeline.stop();
  await bed.drop();
});

/** Of the rows of the registry and of the log. */
const checksums = () =>
  bed.query(
    `CHECKSUM TABLE ${['npi_data_0', 'npi_data_1', 'npi_data_2', 'npi_update_log'].map((table) => `${name}_app.${table}`).join(', ')},
     ${name}_search.search_surgeon_all, ${name}_search.search_facility_a`,
  );
const statuses = async () =>
  (await bed.query<{ s: number }>(`SELECT case_status AS s FROM ${name}_app.cases ORDER BY case_id`)).map(
    ({ s }) => s,
  );

async function stopWorker(): Promise<void> {
  worker?.child.kill('SIGTERM');
  await worker?.exit;
  worker = undefined;
}

/** Runs a command as the page prints it; `surgicase worker` in the background. */
async function type(line: string, settings: NodeJS.ProcessEnv = env): Promise<Ended> {
  if (line === 'surgicase worker') {
    worker = await startWorkerProcess(settings);
    return { code: 0, out: '', err: '' };
  }
  const words = Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, bare]) => quoted ?? bare ?? '');
  return surgicase(words.slice(1), settings);
}

/** Runs commands that must succeed, and gives what they print. */
async function succeed(lines: readonly string[] = [], settings = env): Promise<string> {
  let printed = '';
  for (const line of lines) {
    const { code, out, err } = await type(line, settings);
    expect({ line, code, err: code === 0 ? '' : `${out}${err}` }).toEqual({ line, code: 0, err: '' });
    printed += out;
  }
  return printed;
}

/** Runs the SQL of a section, and what its query prints for a person to run. */
const runSql = (title: string) =>
  bed.session(async (session) => {
    for (const sql of statements(title)) {
      const rows = await session.query(sql);
      if (sql.includes('AS statement')) await session.query(String(rows[0]?.['statement']));
    }
  });

it(
  '1. a shadow week counts beside the old scheduler, and changes nothing of the application',
  exhaustive,
  async () => {
    const settings = section(steps.shadow).match(/^[A-Z_]+=.*$/gm) ?? [];
    const pairs = settings.map((line): [string, string] => [
      line.slice(0, line.indexOf('=')),
      line.slice(line.indexOf('=') + 1),
    ]);
    const shadow = { ...env, ...Object.fromEntries(pairs) };
    const [start, compare = [], preview] = commands(steps.shadow);
    await succeed(start, shadow);
    expect(await succeed(['surgicase run pending-payment-update'], shadow)).toContain(
      '4 cases found, 10 -> 15',
    );
    const [status = '', comparison = ''] = compare;
    [, shadowRun = ''] =
      /surgicase cases compare ([\da-f-]{36})/.exec((await type(status, shadow)).out) ?? [];
    expect(await succeed([comparison.replace('<run>', shadowRun)])).toContain('4 still have the status 10');
    expect((await type('surgicase run npi-update', shadow)).out).toContain('DatabaseNotReady');
    const printed = await succeed(preview, shadow);
    for (const line of ['duplicate NPIs', 'rows would be refused', 'may have been cut off', 'letter tables:'])
      expect(printed).toContain(line);
    expect(printed).toContain('npi_update_log names 2 releases as loaded');
    expect(await checksums()).toEqual(before);
    expect(await statuses()).toEqual([10, 10, 10, 10, 15, 15]);
    await stopWorker();
  },
);

it('1. the comparison shows what the old job moved, and which cases over a change', exhaustive, async () => {
  await bed.query(`UPDATE ${name}_app.cases SET case_status = 30 WHERE case_id = '${caseId(4)}'`);
  await oldPendingPaymentUpdate(bed, { cases: [1, 2, 3], overwritten: 2 });
  const [, compare = []] = commands(steps.shadow);
  const [printed = ''] = blocks(steps.shadow, '').filter((block) => block.includes('would have moved'));
  const shown = await succeed([(compare[1] ?? '').replace('<run>', shadowRun)]);
  // The page prints this run, at another time.
  expect(shown.replace(/of \d{4}-[\d: -]+ UTC/, '')).toBe(printed.replace(/of \d{4}-[\d: -]+ UTC/, ''));
  await bed.query(
    `UPDATE ${name}_app.cases SET case_status = IF(case_id > '${caseId(4)}', 15, 10), pending_payment_ts = NULL, sent_to_biller_ts = NULL`,
  );
});

it('3. and 4. the tables are adopted, and each job runs once', exhaustive, async () => {
  const [adopt] = commands(steps.adopt);
  expect(await succeed(adopt)).toContain('57 original tables are kept');
  await writeWeekly(
    pipeline.site,
    '20260921-20260927',
    npidataCsv([individual(1, 'QUINN', '09/22/2026'), individual(providers + 7, 'SMITH', '09/22/2026')]),
  );
  const [start = [], jobs] = commands(steps.switch);
  const report = start.filter((line) => /doctor|status/.test(line));
  const printed = await succeed(start.filter((line) => !report.includes(line)));
  expect(printed).toContain('npi-update: dry run');
  expect(printed).toContain('npi-update: published');
  expect(printed).toContain('pending-payment-update: 4 cases would move 10 -> 15');
  // The generated weeks are old, which both reports say.
  for (const line of report) {
    const { out, err } = await type(line);
    expect(out + err).not.toMatch(/Another program|registry-tables: .*lacks/);
  }
  expect(await succeed(['surgicase schedules list'])).not.toMatch(/paused|off by configuration/);
  await succeed(jobs);
  expect(await statuses()).toEqual([15, 15, 15, 15, 20, 20]);
  expect(
    await bed.query(`SELECT provider_last_name AS n FROM ${name}_app.npi_data_1 WHERE npi = ${npi(1)}`),
  ).toEqual([{ n: 'QUINN' }]);
});

it('the way back restores the cases, the tables and the log', exhaustive, async () => {
  const [, , lines = []] = commands(steps.switch);
  const printed = await succeed(lines.filter((line) => !line.includes('undo')));
  const runs = printed.match(/[\da-f]{8}-[\da-f-]{27}/g) ?? [];
  expect(runs).toHaveLength(2);
  const undo = lines.find((line) => line.includes('undo')) ?? '';
  for (const run of runs) await succeed([undo.replace('<run>', run)]);
  expect(await statuses()).toEqual([10, 10, 10, 10, 15, 15]);
  await stopWorker();
  await runSql(steps.adopt);
  expect(await checksums()).toEqual(before);
});

it('a second try works, and an old loader that still runs is noticed and repaired', exhaustive, async () => {
  await succeed(['surgicase db migrate', ...(commands(steps.adopt)[0] ?? []), 'surgicase worker']);
  expect(await succeed(['surgicase run npi-update'])).toContain('npi-update: published');
  const member = 'npidata_pfile_20260928-20261004.csv';
  expect(await oldNpiUpdate(bed, { member, known: 1 })).toMatch(/1062|Duplicate entry/);
  expect((await type('surgicase status')).out).toMatch(
    new RegExp(`Another program loads the registry too: .* the line ${member} to ${name}_app`),
  );
  expect((await type('surgicase run npi-update')).out).toMatch(/DatabaseNotReady[^]*search_surgeon_s/);
  const [, deletion = ''] = statements(steps.both);
  await bed.query(
    deletion.replace(/= '2026[^']*'/, '>= NOW() - INTERVAL 1 HOUR').replace(/npidata_[^']*/, member),
  );
  const repair = commands(steps.both).flat();
  expect(await succeed(repair)).toMatch(/Dropped 57 original tables[^]*npi-update: nothing due/);
  expect((await type('surgicase status')).out).not.toContain('Another program');
});

it('5. the originals are dropped', exhaustive, async () => {
  expect(await succeed(commands(steps.finish).flat())).toContain('Dropped 57 original tables.');
});
