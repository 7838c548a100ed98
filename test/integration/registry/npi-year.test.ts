import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NpiUpdateInput, ReleaseOutcome } from '../../../contract/workflows.ts';
import { idOf, Model } from '../../models/npi-model.ts';
import { surgicase } from '../../bed/cli.ts';
import { comparable, expectHistory } from '../../bed/npi-history.ts';
import { differences, linesOf } from '../../bed/npi-tables.ts';
import { Cms, lastWeek, late, missing, mondayOf, type Release } from '../../models/npi-year-page.ts';
import { dayAfter } from '../../models/npi-year.ts';
import { exhaustive, seedFrom } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

// After a year of releases, the tables match test/models/npi-model.ts, which implements the contract. YEAR_SEED
// repeats a year.
const seed = seedFrom('YEAR_SEED');
const weekCount = lastWeek + 1;
const monthlyCount = 12;
const name = 'npi_year';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MIN_ROWS: '0%' });
});
afterAll(() => pipeline.stop());

/** Runs the update and expects it to load these releases in this order and to report these gaps. */
async function load(
  due: readonly Release[],
  gaps: readonly number[],
  input?: NpiUpdateInput,
): Promise<readonly ReleaseOutcome[]> {
  const { releases, remarks } = await pipeline.run(input);
  expect(releases.map(({ release }) => `${release}.zip`)).toEqual(due.map(({ zip }) => zip));
  const told = remarks.filter((remark) => remark.startsWith('No weekly covers the days'));
  const days = gaps.map((week) => `from ${dayAfter(mondayOf(week), -7)} to ${dayAfter(mondayOf(week), -1)}`);
  expect(told).toEqual(days.map((period) => expect.stringContaining(period)));
  return releases;
}

/** Weeks that are missing between others on a Tuesday and are not in a loaded monthly. */
function gapsOn(week: number, lastMonthly: number): number[] {
  const absent = week < late.listedIn ? [...missing, late.week] : missing;
  return absent.filter((gap) => gap > lastMonthly && gap < week);
}

/** A year with too few of these rows would prove less than it seems to. */
function expectVariety(outcomes: readonly ReleaseOutcome[]): void {
  const counts = ['inserted', 'updated', 'unchanged', 'stale', 'refused', 'duplicates'] as const;
  for (const { counts: of } of outcomes)
    expect(counts.reduce((sum, count) => sum + of[count], 0)).toBe(of.rows);
  for (const count of counts)
    expect(
      outcomes.reduce((sum, { counts: of }) => sum + of[count], 0),
      count,
    ).toBeGreaterThan(50);
}

/** The newest release is taken back and brought forward: the tables are those before it, and then the same as now. */
async function expectWayBack(loaded: readonly Release[]): Promise<void> {
  const now = await linesOf(name, pipeline);
  const newest = loaded.toSorted((one, other) => idOf(one) - idOf(other)).at(-1);
  const before = new Model(loaded.filter((release) => release !== newest)).lines();
  expect((await pipeline.run({ rollback: 'back' })).outcome).toBe('rolled back');
  expect(differences(comparable(await linesOf(name, pipeline)), comparable(before)), newest?.zip).toEqual([]);
  expect((await pipeline.run()).remarks.join()).toContain('is rolled back');
  expect((await pipeline.run({ rollback: 'forward' })).outcome).toBe('brought forward');
  expect(differences(await linesOf(name, pipeline), now), newest?.zip).toEqual([]);
}

it(
  `${monthlyCount} monthlies, ${weekCount} weeks and as many reports as monthlies leave the tables that the contract requires (YEAR_SEED=${seed})`,
  { ...exhaustive, timeout: 900_000 },
  async () => {
    const cms = new Cms(pipeline, seed);
    const loaded: Release[] = [];
    const superseded: Release[] = [];
    const outcomes: ReleaseOutcome[] = [];
    let lastMonthly = -1;
    for (let week = 0; week < weekCount; week++) {
      const { weeklies, month } = await cms.nextMonday(week);
      const [monthly, report] = month;
      const gaps = gapsOn(week, lastMonthly);
      // Without an order, a monthly is loaded as the very first release and when a week is missing.
      const isMonthlyDue = monthly !== undefined && (week === 0 || gaps.length > 0);
      const due = isMonthlyDue ? month : [...weeklies, ...(report ? [report] : [])];
      outcomes.push(...(await load(due, isMonthlyDue ? [] : gaps)));
      loaded.push(...due);
      if (isMonthlyDue) superseded.push(...weeklies);
      if (report) {
        const found = await pipeline.query(
          'SELECT CAST(npi AS CHAR) AS npi FROM npi_unreported ORDER BY npi',
        );
        expect(found).toEqual(new Model(loaded).unreported(report).map((npi) => ({ npi })));
      }
      if (monthly && !isMonthlyDue) {
        outcomes.push(...(await load([monthly], [], { replace: true })));
        loaded.push(monthly);
      }
      if (monthly) lastMonthly = week;
      const differing = differences(await linesOf(name, pipeline), new Model(loaded).lines());
      expect(differing, `after the week before ${mondayOf(week)}`).toEqual([]);
      if (week % 6 === 1) await expectWayBack(loaded);
    }
    await expectHistory(name, pipeline, loaded);
    expect(loaded.filter(({ kind }) => kind === 'monthly')).toHaveLength(monthlyCount);
    expect(await pipeline.query('SELECT file_name AS zip FROM npi_superseded ORDER BY period_end')).toEqual(
      superseded.map(({ zip }) => ({ zip })),
    );
    expectVariety(outcomes);
    // Each row equals the row of the release that it names.
    const { code, out, err } = await surgicase(['npi', 'check'], pipeline.env);
    expect(code, out + err).toBe(0);
    expect(out).not.toContain('not compared');
  },
);
