import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npi, npidataCsv, stub, weeklyName, writeWeekly } from '../../generated/release-zip.ts';

const name = 'history_commands';
const [first, second] = ['20260907-20260913', '20260914-20260920'] as const;
const releaseOf = (period: string) => weeklyName(period).replace('.zip', '');
const city = 'Provider Business Practice Location Address City Name';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
  await writeWeekly(
    pipeline.site,
    first,
    npidataCsv([
      individual(1, 'SMITH', '09/08/2026', { [city]: 'SALEM' }),
      individual(2, 'JONES', '09/08/2026'),
    ]),
  );
  await pipeline.run();
  await writeWeekly(
    pipeline.site,
    second,
    npidataCsv([
      individual(1, 'SMITH', '09/15/2026', { [city]: 'DOVER, "NORTH"' }),
      stub(2, '09/16/2026'),
      individual(3, 'MILLER', '09/15/2026'),
    ]),
  );
  await pipeline.run();
});
afterAll(() => pipeline.stop());

const run = (...args: string[]) => surgicase(args, pipeline.env);

describe('npi lookup --as-of', () => {
  it('shows what was known at the end of a day, also for a day between two releases', async () => {
    for (const day of ['2026-09-13', '2026-09-19']) {
      const { code, out } = await run('npi', 'lookup', npi(1), '--as-of', day);
      expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('SALEM') });
      expect(out).toContain(`until ${releaseOf(second)} (2026-09-20)`);
    }
    expect((await run('npi', 'lookup', npi(1), '--as-of', '2026-09-20')).out).toContain('DOVER');
  });

  it('answers whether a provider was active on a day', async () => {
    const on = async (day: string) => (await run('npi', 'lookup', npi(2), '--as-of', day)).out;
    expect(await on('2026-09-19')).not.toContain('DEACTIVATED');
    expect(await on('2026-09-20')).toContain('DEACTIVATED on 09/16/2026');
  });

  it('exits with 1 for a provider who was not known yet, and with 2 for a wrong day', async () => {
    const { code, out } = await run('npi', 'lookup', npi(3), '--as-of', '2026-09-13');
    expect({ code, out }).toEqual({
      code: 1,
      out: expect.stringContaining('was not in the registry on 2026-09-13'),
    });
    for (const day of ['yesterday', '2026-11-31', '2026-02-30'])
      expect((await run('npi', 'lookup', npi(3), '--as-of', day)).code, day).toBe(2);
  });

  it('says what is not known: a day before the first release, and one after the newest', async () => {
    const early = await run('npi', 'lookup', npi(1), '--as-of', '2026-09-12');
    expect({ code: early.code, err: early.err }).toEqual({
      code: 1,
      err: expect.stringContaining(`the first loaded release is ${releaseOf(first)}`),
    });
    const late = await run('npi', 'lookup', npi(1), '--as-of', '2026-10-01');
    expect(late.out).toContain('The newest loaded release ends on 2026-09-20');
  });
});

it('npi history lists each change with its release', async () => {
  const { code, out } = await run('npi', 'history', npi(1));
  expect(code).toBe(0);
  expect(out).toContain(`2026-09-13  ${releaseOf(first)}: in npi_data_1`);
  expect(out).toContain('_city_name: SALEM -> DOVER, "NORTH"');
  expect((await run('npi', 'history', npi(77))).code).toBe(1);
});

it('npi changes counts providers, and lists each changed column as CSV', async () => {
  expect(JSON.parse((await run('npi', 'changes', releaseOf(second), '--json')).out)).toEqual({
    release: weeklyName(second),
    added: 1,
    changed: 2,
    removed: 0,
  });
  const lines = (await run('npi', 'changes', releaseOf(second), '--csv')).out.split('\n');
  expect(lines[0]).toBe('npi,change,column,before,after');
  expect(lines).toContain(`${npi(2)},changed,npi_deactivation_date,,09/16/2026`);
  expect(lines.find((line) => line.includes('city_name'))).toMatch(/,SALEM,"DOVER, ""NORTH"""$/);
  expect((await run('npi', 'changes', 'NPPES_Data_Dissemination_092126_092726_Weekly_V2')).code).toBe(1);
});

// mysql2 would generate a function for each kind of row. V8 optimizes one with 330 columns for a minute and more, and a
// command that has read many such rows does not end before.
it('reads rows without generated code', async () => {
  const NODE_OPTIONS = '--disallow-code-generation-from-strings';
  const { code, out } = await surgicase(['npi', 'lookup', npi(1)], { ...pipeline.env, NODE_OPTIONS });
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('DOVER') });
});

describe('npi rollback', () => {
  const decided = async () =>
    (await pipeline.query<{ what: string }>('SELECT what FROM decision ORDER BY decision_id')).map(
      ({ what }) => what,
    );
  const names = async () =>
    (
      await pipeline.query<{ name: string }>(
        `SELECT last_name AS name FROM ${name}_search.search_surgeon_all ORDER BY 1`,
      )
    ).map((row) => row.name);

  it('takes the newest release back; runs load nothing and status shows it until it is brought forward', async () => {
    const { code, out } = await run('npi', 'rollback', '--reason', 'a bad week', '--by', 'ana');
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringContaining(`${releaseOf(second)}: rolled back, 3 providers`),
    });
    expect(await names()).toEqual(['JONES', 'SMITH']);
    expect((await run('npi', 'lookup', npi(1))).out).toContain('SALEM');
    expect(await pipeline.run()).toMatchObject({
      outcome: 'nothing due',
      remarks: [expect.stringContaining('is rolled back')],
    });
    expect((await run('status')).out).toContain(`${releaseOf(second)} was rolled back at`);
    expect(await pipeline.query('SELECT what, decided_by, reason FROM decision')).toEqual([
      { what: 'rollback', decided_by: 'ana', reason: 'a bad week' },
    ]);
    expect((await run('status')).out).not.toContain('Another program loads the registry too');
    expect((await run('npi', 'changes', releaseOf(second))).err).toContain('is rolled back');
    const asked = await run('npi', 'replace');
    expect(asked.code, asked.out + asked.err).toBe(1);
    expect(asked.out + asked.err).toContain('RollbackRefused');
    const listed = JSON.parse((await run('npi', 'releases', '--json')).out) as { state: string }[];
    expect(listed.map(({ state }) => state)).toEqual(['published', 'rolled back']);
    const forward = await run('npi', 'rollback', '--forward', '--json');
    expect(JSON.parse(forward.out)).toMatchObject({
      result: {
        outcome: 'brought forward',
        rolled: [{ release: releaseOf(second), providers: 3, searchRows: expect.any(Number) }],
      },
    });
    expect(await decided()).toEqual(['rollback', 'replace', 'bring forward']);
    expect(await names()).toEqual(['MILLER', 'SMITH']);
    expect((await run('npi', 'rollback', '--forward')).code).toBe(1);
  });

  it('--resume gives the release up: runs load again, but not its content', async () => {
    await run('npi', 'rollback');
    expect((await run('npi', 'rollback', '--resume')).out).toContain('stays taken back');
    expect(await decided()).toContain('give up');
    expect(await pipeline.run()).toMatchObject({ outcome: 'nothing due', releases: [] });
    const listed = JSON.parse((await run('npi', 'releases', '--json')).out) as { state: string }[];
    expect(listed.map(({ state }) => state)).toEqual(['published', 'given up']);
    expect((await run('status')).out).not.toContain('Another program loads the registry too');
    await writeWeekly(
      pipeline.site,
      second,
      npidataCsv([individual(1, 'CORRECTED', '09/15/2026'), stub(4, '09/16/2026')]),
    );
    expect((await pipeline.run()).releases).toMatchObject([{ release: releaseOf(second) }]);
    expect(await names()).toEqual(['CORRECTED', 'JONES']);
  });
});
