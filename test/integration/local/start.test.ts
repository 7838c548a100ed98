import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cli, surgicase } from '../../bed/cli.ts';
import { exhaustive, sampleOf } from '../../bed/extent.ts';

// Runs `surgicase start` in an empty folder without configuration, with its own MySQL and Temporal.
const folder = mkdtempSync(join(tmpdir(), 'surgicase start '));
const run = (...args: string[]) => surgicase(args, {}, folder);
let started: Started;

interface Started {
  readonly child: ChildProcess;
  /** Resolves with all of stdout as soon as it contains the text. */
  until(text: string): Promise<string>;
  readonly exit: Promise<number | null>;
}

function startHere(...args: string[]): Started {
  const child = spawn(process.execPath, [cli, 'start', '--source', 'sample', ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return {
    child,
    exit,
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const check = () => text.includes(wanted) && resolve(text);
        child.stdout?.on('data', check);
        check();
        void exit.then((code) => reject(new Error(`start ended with ${code}:\n${text}`)));
      }),
  };
}

/** The password that the first start created. */
const databaseLogin = () =>
  /mysql:.*@/.exec(readFileSync(join(folder, '.surgicase', 'services.env'), 'utf8'))?.[0];

afterAll(async () => {
  started.child.kill('SIGTERM');
  await started.exit;
  rmSync(folder, { recursive: true, force: true });
});

/** The processes that use the folder: servers have its path on their command line. */
const processesHere = () =>
  readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && existsSync(join('/proc', pid, 'cmdline')))
    .map((pid) => readFileSync(join('/proc', pid, 'cmdline'), 'utf8'))
    .filter((line) => line.includes(folder));

describe('Ctrl-C while a start comes up', () => {
  const state = (...names: string[]) => join(folder, '.surgicase', ...names);
  const moments: readonly [string, () => boolean][] = [
    ['waits for MySQL to answer', () => existsSync(state('mysql', 'mysqld.pid'))],
    [
      'generates a sample week',
      () =>
        existsSync(state('sample')) &&
        readdirSync(state('sample')).some((name) => /Weekly.*unfinished/.test(name)),
    ],
    ['creates the tables', () => existsSync(state('mysql', 'data', 'surgicase_scheduler'))],
  ];
  it.each(sampleOf(moments, 1))(
    'stops at once, says so, and leaves no process: while it %s',
    async (_, isThere) => {
      rmSync(state('sample'), { recursive: true, force: true });
      started = startHere();
      await expect.poll(isThere, { timeout: 60_000, interval: 10 }).toBe(true);
      const stoppedAt = performance.now();
      started.child.kill('SIGINT');
      expect(await started.exit).toBe(0);
      // 2 s on a quiet machine, more where ten programs share two cores.
      expect(performance.now() - stoppedAt).toBeLessThan(30_000);
      expect(await started.until('Stopping')).toContain('Press Ctrl-C again to stop at once.');
      expect(processesHere()).toEqual([]);
    },
  );
});

describe('npm start', () => {
  it('starts what is not configured, and stops in order on Ctrl-C while it follows a run', async () => {
    started = startHere();
    const shown = await started.until('/npi-update-manual/');
    expect(shown).toContain('generated sample weeks, no real providers');
    // Paid runs first: cases that become pending payment in this start keep that status until Thursday.
    expect(shown).toMatch(/paid-update: moved.*pending-payment-update: moved/s);
    started.child.kill('SIGINT');
    expect(await started.exit).toBe(0);
  });

  it('reaches nothing from a stopped folder, whose ports may belong to another one', async () => {
    expect(await run('status')).toMatchObject({
      code: 3,
      err: expect.stringContaining('The `surgicase start` of this folder is not running.'),
    });
  });

  it('loads one generated week: it follows the run that a kill -9 left open', async () => {
    started = startHere();
    await started.until('/npi-update-manual/');
    started.child.kill('SIGKILL');
    await started.exit;
    started = startHere('--run', 'npi-update');
    const shown = await started.until('Log: ');
    expect(shown).toMatch(
      /http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/npi-update-manual\/[0-9a-f-]+\/history/,
    );
    expect(shown).toMatch(/npi-update: published/);
    expect(shown).toMatch(/34,009 rows: 33,998 inserted.*6 refused, 5 duplicates; 682 deactivated/);
    expect(shown).toMatch(
      /npx surgicase npi replace +\(a generated monthly: 0\.\d MB zip, under a minute\)\n/,
    );
    expect(shown).toMatch(/Next npi-update: \d{4}-\d\d-\d\d 08:00 UTC\n/);
    expect(shown).toMatch(/^The first start took \d+\.\d s\.$/m);
  });

  it(
    'lets other commands in its folder find its servers, and offers a second week and a report',
    exhaustive,
    async () => {
      const second = await run('run', 'npi-update', '--json');
      expect(second.code).toBe(0);
      expect(JSON.parse(second.out)).toMatchObject({
        result: {
          outcome: 'published',
          releases: [
            // The report lists what the first week already deactivated, so it changes nothing.
            {
              release: expect.stringContaining('NPPES_Deactivated_NPI_Report_'),
              counts: { rows: 682, unchanged: 682 },
            },
            {
              counts: {
                rows: 34_009,
                inserted: 13_547,
                unchanged: 5867,
                stale: 12,
                deactivated: 682,
                refused: 6,
              },
            },
          ],
        },
      });
      const [found] = JSON.parse((await run('npi', 'search', 'S', '--limit', '1', '--json')).out) as {
        npi: number;
      }[];
      expect((await run('npi', 'lookup', String(found?.npi))).out).toContain('provider_last_name');
    },
  );

  it('refuses a second start in the folder', async () => {
    expect(await run('start')).toMatchObject({
      code: 3,
      err: expect.stringContaining('A start is already running'),
    });
  });

  it('starts after a kill -9 with the same data and schedules, and runs nothing unasked', async () => {
    const login = databaseLogin();
    const before = await run('runs', 'list', '--json');
    started.child.kill('SIGKILL');
    await started.exit;
    started = startHere();
    const shown = await started.until('Log: ');
    expect(shown).not.toContain('inserted');
    expect(databaseLogin()).toBe(login);
    expect(before.out).toContain('"published"');
    expect(await run('runs', 'list', '--json')).toEqual(before);
  });

  it(
    'stops cleanly on Ctrl-C, gives the seconds by step, and refuses another source for the same data',
    exhaustive,
    async () => {
      started.child.kill('SIGINT');
      expect(await started.exit).toBe(0);
      const once = JSON.parse((await run('start', '--once', '--json')).out) as object;
      expect(once).toMatchObject({ runs: [], seconds: expect.any(Number) });
      expect(once).toMatchObject({
        steps: expect.arrayContaining([{ step: 'Starting MySQL', seconds: expect.any(Number) }]),
      });
      expect(await run('start', '--source', 'cms')).toMatchObject({
        code: 3,
        err: expect.stringContaining('would mix'),
      });
      expect((await run('schedules', 'list')).code).toBe(3);
    },
  );
});
