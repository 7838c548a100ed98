import { execFileSync } from 'node:child_process';
import { appendFileSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { surgicase, type Ended } from '../../bed/cli.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  stub,
  weeklyName,
  writeMonthly,
  writeReport,
  writeWeekly,
} from '../../generated/release-zip.ts';

const name = 'npi_proof';
const week = '20260914-20260920';
const nextWeek = '20260921-20260927';
let pipeline: Pipeline;
let monthly: string;
let report: string;

beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MIN_ROWS: '0%' });
});
afterAll(() => pipeline.stop());

/** A monthly, a week and a report: rows of one release, of two releases, and stubs. */
async function load(): Promise<void> {
  await pipeline.reset();
  monthly = await writeMonthly(pipeline.site, 'September_2026', '20260913', [
    individual(1, 'OLD', '08/01/2026'),
    // The newest date wins, and a full row over a stub, so neither of the others is the row that was loaded.
    individual(1, 'SMITH', '09/01/2026', {
      'Provider License Number State Code_1': 'NULL',
      'Provider First Name': 'A "B"\tC',
    }),
    stub(1, '09/02/2026'),
    individual(2, 'ÉCLAIR', '09/01/2026'),
    organization(3, '3M HEALTH', '09/01/2026'),
    individual(4, 'LEE', '09/01/2026'),
    stub(5, '01/02/2020'),
    { NPI: npi(6), 'Entity Type Code': '3' },
  ]);
  await writeWeekly(
    pipeline.site,
    week,
    npidataCsv([
      individual(2, 'ECLAIR', '09/15/2026'),
      organization(7, '', '09/15/2026'),
      individual(8, 'Young', '09/15/2026'),
      organization(9, 'MERCY', '09/15/2026'),
    ]),
  );
  report = await writeReport(pipeline.site, '092126', [
    { npi: npi(4), date: '09/18/2026' },
    { npi: npi(5), date: '01/02/2020' },
  ]);
  await pipeline.run();
}

const command = (...args: readonly string[]) => surgicase(['npi', ...args], pipeline.env);
const prove = (index: number) => command('prove', npi(index));
const check = (...options: readonly string[]) => command('check', ...options);
const line = ({ out }: Ended, pattern: RegExp) => out.split('\n').find((text) => pattern.test(text)) ?? out;
const update = (table: string, set: string, index: number) =>
  pipeline.query(`UPDATE ${name}_${table} SET ${set} WHERE npi = ${npi(index)}`);

describe('after a monthly, a week and a report', () => {
  beforeAll(load);

  it('a proof names release, sha256 and row of the winning line, and finds every cell equal', async () => {
    const ended = await prove(1);
    expect(ended.code, ended.out + ended.err).toBe(0);
    const [release] = await pipeline.query<{ sha256: string }>(
      `SELECT sha256 FROM ${name}_own.npi_release WHERE kind = 'monthly'`,
    );
    expect(line(ended, /^row /)).toContain(`${monthly}, published 20`);
    expect(ended.out).toContain(`sha256 ${release?.sha256}\n`);
    expect(ended.out).toContain('row 2 of npidata_pfile_20050523-20260913.csv\n');
    expect(line(ended, /^provider_last_name/)).toMatch(/^provider_last_name +SMITH +SMITH$/);
    expect(ended.out).toContain('Equal: all 196 columns (191 are empty in both).');
  });

  it('a proof compares the deactivation date with the report that set it, and the rest with the monthly', async () => {
    const ended = await prove(4);
    expect(ended.code, ended.out).toBe(0);
    expect(line(ended, /^row /)).toContain(monthly);
    expect(line(ended, /^deactivation date /)).toContain(report);
    expect(ended.out).toContain('row 1 of NPPES Deactivated NPI Report 20260921.xlsx, a deactivated stub');
    expect(line(ended, /^npi_deactivation_date/)).toMatch(/ 09\/18\/2026 +09\/18\/2026$/);
    const ofStub = await prove(5);
    expect(ofStub.code, ofStub.out).toBe(0);
    expect(line(ofStub, /^row /)).toContain(report);
  });

  it('a proof exits with 1 for an unknown NPI and with 2 for something else', async () => {
    expect(await prove(99)).toMatchObject({ code: 1, out: expect.stringContaining('is not in npi_data_0') });
    expect((await command('prove', npi(99), '--json')).out).toBe('null\n');
    expect(await command('prove', '12')).toMatchObject({
      code: 2,
      err: expect.stringContaining('ten digits'),
    });
  });

  it('a check finds no difference', async () => {
    const { code, out, err } = await check();
    expect(code, out + err).toBe(0);
    const cells = out.split('\n').map((text) => text.split(/ {2,}/));
    expect(cells.filter(([, compared]) => /^\d+$/.test(compared ?? ''))).toEqual([
      ['archived zips', '3', 'none'],
      ['rows', '8', 'none'],
      ['surgeon search', '6', 'none'],
      ['facility search', '5', 'none'],
      ['ledger', '3', 'none'],
    ]);
    expect(out).not.toContain('not compared');
    expect(await check('--quiet')).toEqual({ code: 0, out: '', err: '' });
  });

  it('a check compares only the rows of its subset with the zips', async () => {
    // Every generated NPI is in the first of many parts.
    expect(line(await check('--subset', '1/52'), /^rows /)).toMatch(/^rows +8 /);
    expect(line(await check('--subset', '2/52'), /^rows /)).toMatch(/^rows +0 /);
    expect(await check('--subset', '53/52')).toMatchObject({ code: 2, err: expect.stringContaining('1/52') });
  });

  describe('and after damage', () => {
    beforeAll(async () => {
      await update('app.npi_data_1', "provider_last_name = 'SMITH '", 1);
      await update('app.npi_data_1', "npi_deactivation_date = '09/17/2026'", 4);
      await update('app.npi_data_0', "npi_deactivation_date = '01/03/2020'", 5);
      await update('app.npi_data_1', 'data_release = 202609131001', 8);
      await update('app.npi_data_2', 'data_release = NULL', 9);
      const search = `${name}_search.search_`;
      await pipeline.query(`DELETE FROM ${search}surgeon_e`);
      await pipeline.query(`INSERT INTO ${search}surgeon_z SELECT * FROM ${search}surgeon_y`);
      await pipeline.query(`INSERT INTO ${search}surgeon_all (npi, last_name) VALUES (${npi(4)}, 'LEE')`);
      await pipeline.query(`UPDATE ${search}facility_m SET city = 'x'`);
      await pipeline.query(`DELETE FROM ${search}facility_all WHERE npi = ${npi(7)}`);
      await pipeline.query(
        `UPDATE ${name}_own.npi_release SET published = JSON_SET(published, '$.counts.inserted', 77) WHERE kind = 'weekly'`,
      );
      await pipeline.query(`DELETE FROM ${name}_own.npi_quarantine`);
    });

    it('a proof shows the cell that differs', async () => {
      const ended = await prove(1);
      expect(ended.code).toBe(1);
      expect(line(ended, /^provider_last_name/)).toMatch(/^provider_last_name +"SMITH " +"SMITH" +DIFFERS$/);
      expect(ended.out.match(/DIFFERS/g)).toHaveLength(1);
      expect(ended.out).toContain('The row differs from the file in 1 of 196 columns.');
      const { cells } = JSON.parse((await command('prove', npi(1), '--json')).out) as { cells: object[] };
      expect(cells).toContainEqual({
        column: 'provider_last_name',
        database: 'SMITH ',
        file: 'SMITH',
        isEqual: false,
      });
      const ofDate = await prove(4);
      expect(ofDate.code).toBe(1);
      expect(line(ofDate, /^npi_deactivation_date/)).toContain('DIFFERS');
    });

    it('a proof finds that the file does not have the row, or that no release set it', async () => {
      expect(await prove(8)).toMatchObject({
        code: 1,
        out: expect.stringContaining(`the file has no valid row of NPI ${npi(8)}\n`),
      });
      expect(await prove(9)).toMatchObject({
        code: 1,
        out: expect.stringMatching(/an adoption found this row[^]*Not proven: 196 of 196 columns/),
      });
    });

    it('a check names the rows, search rows and releases that are wrong', async () => {
      const ended = await check();
      expect(ended.code).toBe(1);
      const rows = line(ended, /^rows /);
      expect(rows).toMatch(/^rows +8 +4 /);
      expect(rows).toContain(`${npi(1)} differs from ${monthly}`);
      expect(rows).toContain(`${npi(8)} is not in ${monthly}`);
      expect(rows).toContain(`${npi(4)} differs from ${report}`);
      expect(rows).toContain(`${npi(5)} differs from ${report}`);
      expect(line(ended, /^1 row /)).toBe('1 row was not compared: an adoption found it; there is no zip');
      expect(line(ended, /^surgeon search /)).toMatch(/^surgeon search +8 +5 /);
      expect(line(ended, /^surgeon search /)).toContain(
        [
          `${npi(1)} differs in search_surgeon_all`,
          `${npi(1)} differs in search_surgeon_s`,
          `${npi(2)} missing in search_surgeon_e`,
          `${npi(4)} not expected in search_surgeon_all`,
          `${npi(8)} not expected in search_surgeon_z`,
        ].join('; '),
      );
      expect(line(ended, /^facility search /)).toMatch(/^facility search +5 +2 /);
      expect(line(ended, /^facility search /)).toContain(
        `${npi(7)} missing in search_facility_all; ${npi(9)} differs in search_facility_m`,
      );
      const ledger = line(ended, /^ledger /);
      expect(ledger).toContain(`${weeklyName(week)}: 4 rows, but the counts add up to 78`);
      expect(ledger).toContain(`${monthly}: 1 refused rows, but 0 in npi_quarantine`);
    });

    it('both say which zip is missing or changed', async () => {
      appendFileSync(join(pipeline.archive, weeklyName(week)), 'x');
      const changed = await prove(2);
      expect(changed).toMatchObject({
        code: 1,
        out: expect.stringMatching(/has the sha256 \w{64}, not \w{64}/),
      });
      expect(changed.out).toContain('Not proven: 196 of 196 columns were not compared.');
      renameSync(join(pipeline.archive, monthly), join(pipeline.archive, 'elsewhere'));
      const gone = await prove(4);
      expect(gone).toMatchObject({ code: 1, out: expect.stringContaining('the zip is not in') });
      expect(line(gone, /^provider_last_name/)).toMatch(/ LEE +not compared$/);
      const ended = await check();
      expect(ended.code).toBe(1);
      expect(line(ended, /^archived zips /)).toMatch(new RegExp(` 3 +2 +${monthly}; ${weeklyName(week)}$`));
      expect(line(ended, /^4 rows of/)).toContain(`${monthly} were not compared: the zip is not in`);
    });
  });
});

it(
  'a check does not fail because of older zips, which NPI_ARCHIVE_KEEP may have removed',
  exhaustive,
  async () => {
    await load();
    await writeWeekly(pipeline.site, nextWeek, npidataCsv([individual(6, 'KEPT', '09/22/2026')]));
    await pipeline.run();
    // The provider's row is refused in the monthly, so it stays the one of an earlier week.
    const next = await writeMonthly(pipeline.site, 'October_2026', '20261011', [
      individual(1, 'SMITH', '09/01/2026'),
      individual(2, 'ECLAIR', '09/15/2026'),
      { NPI: npi(6), 'Entity Type Code': '3' },
    ]);
    const { releases } = await pipeline.run({ replace: true });
    expect(releases.map(({ release }) => `${release}.zip`)).toEqual([next]);
    for (const file of [monthly, report, weeklyName(week), weeklyName(nextWeek)])
      rmSync(join(pipeline.archive, file));
    const ended = await check();
    expect(ended.code, ended.out).toBe(0);
    expect(line(ended, /^1 row of/)).toContain(`${weeklyName(nextWeek)} was not compared`);
    expect(await prove(1)).toMatchObject({ code: 0, out: expect.stringContaining(next) });
  },
);

it('a check says that a load changed the tables meanwhile', exhaustive, async () => {
  await load();
  const zip = join(pipeline.archive, weeklyName(week));
  rmSync(zip);
  execFileSync('mkfifo', [zip]);
  const ended = check();
  // Opens as soon as the check, which has read the tables by then, reads the zip.
  const writer = await open(zip, 'w');
  rmSync(join(pipeline.site, weeklyName(week)));
  await writeWeekly(pipeline.site, nextWeek, npidataCsv([individual(1, 'SMITHE', '09/22/2026')]));
  expect((await pipeline.run()).outcome).toBe('published');
  await writer.close();
  expect((await ended).out).toContain('A load changed the tables meanwhile.');
});

it(
  'both find the zip of a monthly that was rolled back, for the rows that it only confirmed',
  exhaustive,
  async () => {
    await load();
    const next = await writeMonthly(pipeline.site, 'October_2026', '20261011', [
      individual(1, 'SMITH', '09/01/2026', { 'Provider First Name': 'A "B"\tC' }),
      individual(2, 'ECLAIR-JONES', '10/01/2026'),
      organization(3, '3M HEALTH', '09/01/2026'),
    ]);
    await pipeline.run({ replace: true });
    await pipeline.run({ rollback: 'back' });
    const confirmed = await prove(1);
    expect(confirmed.code, confirmed.out).toBe(0);
    expect(line(confirmed, /^row /)).toContain(next);
    expect(line(await prove(2), /^row /)).toContain(weeklyName(week));
    const ended = await check();
    expect(ended.code, ended.out).toBe(0);
    expect(ended.out).not.toContain('not compared');
  },
);
