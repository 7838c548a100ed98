import { describe, expect, it } from 'vitest';
import { cronWarnings, parseCron } from '../../../config/cron.ts';

const from = new Date('2026-11-27T00:00:00Z');

describe('cronWarnings', () => {
  it.each([
    ['0 8 * * 2', 'America/New_York'],
    ['0 8 1-7 * *', 'UTC'],
    ['0 8 */2 * 2', 'UTC'],
    ['30 2 * * 0', 'UTC'],
    ['30 2 * * 0', 'Asia/Tokyo'],
    // Clocks change on Sundays.
    ['30 2 * * 2', 'America/New_York'],
    ['0 3 * * 0', 'America/New_York'],
    ['59 0 * * 0', 'America/New_York'],
  ])('has nothing to say about %s in %s', (cron, timezone) => {
    expect(cronWarnings(cron, timezone, from)).toEqual([]);
  });

  it('says that both days must match', () => {
    expect(cronWarnings('0 8 1-7 * 2', 'UTC', from)).toEqual([
      '"0 8 1-7 * 2" fires only on days that match both the day of the month and the day of the week; crontab would fire on days that match one of them',
    ]);
  });

  it.each([
    ['30 2 * * *', 'America/New_York', 'in America/New_York: 2027-03-14 02:30 does not exist'],
    ['30 1 * * SUN', 'America/New_York', 'in America/New_York: 2027-11-07 01:30 comes twice'],
    ['45 * * * *', 'Europe/Berlin', 'in Europe/Berlin: 2027-03-28 02:45 does not exist'],
    // Its clocks change by half an hour.
    ['15 2 * * 7', 'Australia/Lord_Howe', 'in Australia/Lord_Howe: 2027-10-03 02:15 does not exist'],
  ])('says what happens to %s when clocks change in %s', (cron, timezone, words) => {
    expect(cronWarnings(cron, timezone, from).join('\n')).toContain(words);
  });
});

it.each([
  ['5/20 8 * * 1', [5, 25, 45]],
  ['10-20/5,0 8 * * 1', [10, 15, 20, 0]],
  ['*/30 8 * * 1', [0, 30]],
])('%s matches the minutes %j', (cron, minutes) => {
  expect(Array.from(parseCron(cron)?.minutes ?? [])).toEqual(minutes);
});
