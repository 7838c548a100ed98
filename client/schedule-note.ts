import { parseCron } from '../config/cron.ts';
import { weeklySchedules, type Job } from '../contract/schedules.ts';

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const list = new Intl.ListFormat('en');

/** What a schedule does and when, in words: the note of a schedule that is not paused. */
export function scheduleNote(job: Job, cron: string, timezone: string): string {
  return `${weeklySchedules[job].summary}. ${weeklyTime(cron, timezone) ?? `Cron \`${cron}\`, ${timezone}`}.`;
}

/** `Every Monday at 08:00 UTC`; undefined for a cron that is not one time of day on some days of the week. */
function weeklyTime(text: string, timezone: string): string | undefined {
  const cron = parseCron(text);
  if (cron?.days.size !== 31 || cron.months.size !== 12) return undefined;
  const [minute, ...otherMinutes] = cron.minutes;
  const [hour, ...otherHours] = cron.hours;
  if (otherMinutes.length > 0 || otherHours.length > 0) return undefined;
  const days = weekdays.filter((_, day) => cron.weekdays.has(day));
  const time = [hour, minute].map((part) => String(part).padStart(2, '0')).join(':');
  return `Every ${days.length === 7 ? 'day' : list.format(days)} at ${time} ${timezone}`;
}
