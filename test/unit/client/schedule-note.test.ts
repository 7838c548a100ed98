import { expect, it } from 'vitest';
import { scheduleNote } from '../../../client/schedule-note.ts';

it.each([
  ['0 8 * * 1', 'UTC', 'Every Monday at 08:00 UTC.'],
  ['5 23 * * 7', 'UTC', 'Every Sunday at 23:05 UTC.'],
  [
    '30 9 * * fri,1,WED',
    'America/New_York',
    'Every Monday, Wednesday, and Friday at 09:30 America/New_York.',
  ],
  ['0 8 * * *', 'UTC', 'Every day at 08:00 UTC.'],
  ['0 8 1-7 * 2', 'America/New_York', 'Cron `0 8 1-7 * 2`, America/New_York.'],
  ['0 8 * 6 2', 'UTC', 'Cron `0 8 * 6 2`, UTC.'],
  ['0,30 8 * * 1', 'UTC', 'Cron `0,30 8 * * 1`, UTC.'],
  ['0 8-17 * * 1', 'UTC', 'Cron `0 8-17 * * 1`, UTC.'],
])('says when %s in %s fires', (cron, timezone, words) => {
  expect(scheduleNote('pending-payment-update', cron, timezone)).toBe(
    `Moves every active case from status 10 (ready for billing) to 15 (pending payment). ${words}`,
  );
});
