/** The five fields of a cron, each as the numbers that it matches. Sunday is 0. */
interface Cron {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
}

interface FieldRange {
  readonly least: number;
  readonly most: number;
  readonly names: readonly string[];
}

const ranges: readonly FieldRange[] = [
  { least: 0, most: 59, names: [] },
  { least: 0, most: 23, names: [] },
  { least: 1, most: 31, names: [] },
  { least: 1, most: 12, names: 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ') },
  { least: 0, most: 7, names: 'SUN MON TUE WED THU FRI SAT'.split(' ') },
];

/** Reads five fields, separated by spaces; undefined when they are not a cron. */
export function parseCron(text: string): Cron | undefined {
  const fields = text.split(/\s+/);
  const [minutes, hours, days, months, weekdays] = ranges.map((range, i) => matches(fields[i] ?? '', range));
  if (fields.length !== ranges.length || !minutes || !hours || !days || !months || !weekdays)
    return undefined;
  return { minutes, hours, days, months, weekdays: new Set(Array.from(weekdays, (day) => day % 7)) };
}

function matches(field: string, range: FieldRange): Set<number> | undefined {
  const found = new Set<number>();
  for (const part of field.split(',')) {
    const numbers = matchesOfPart(part, range);
    if (numbers === undefined) return undefined;
    for (const number of numbers) found.add(number);
  }
  return found;
}

function matchesOfPart(part: string, { least, most, names }: FieldRange): number[] | undefined {
  const [, from, to, step] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part) ?? [];
  if (from === undefined || (from === '*' && to !== undefined)) return undefined;
  const number = (bound: string) => {
    const position = names.indexOf(bound.toUpperCase());
    return position < 0 ? Number(bound) : position + least;
  };
  const first = from === '*' ? least : number(from);
  // A step after one number goes on to the end of the range, as in crontab.
  const last = to !== undefined ? number(to) : from === '*' || step !== undefined ? most : first;
  const isInside = [first, last].every((bound) => Number.isInteger(bound) && bound >= least && bound <= most);
  if (!isInside || first > last || Number(step ?? 1) < 1) return undefined;
  const found: number[] = [];
  for (let next = first; next <= last; next += Number(step ?? 1)) found.push(next);
  return found;
}

/**
 * What a cron does that its author may not expect: Temporal fires when the day of the month and the day of the week match,
 * where crontab fires when either does; and a time of day that does not exist when clocks are put forward, or exists twice
 * when they are put back, fires not at all or twice.
 * @param from the warnings look one year ahead from this moment
 */
export function cronWarnings(text: string, timezone: string, from: Date): string[] {
  const cron = parseCron(text);
  if (cron === undefined) return [];
  const [, , day = '*', , weekday = '*'] = text.split(/\s+/);
  const isEither = !day.startsWith('*') && !weekday.startsWith('*');
  const either = `"${text}" fires only on days that match both the day of the month and the day of the week; crontab would fire on days that match one of them`;
  return [...(isEither ? [either] : []), ...clockWarnings(cron, timezone, from)];
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

function clockWarnings(cron: Cron, timezone: string, from: Date): string[] {
  const offsetAt = offsets(timezone);
  return clockChanges(offsetAt, from.getTime()).flatMap(({ at, change }) => {
    // The wall clock reads these times never, or twice.
    const wall = at + offsetAt(change > 0 ? at - 1 : at);
    const times = Array.from(
      { length: Math.abs(change) / minuteMs },
      (_, i) => new Date(wall + i * minuteMs),
    );
    const time = times.find((one) => isMatch(cron, one));
    if (time === undefined) return [];
    const shown = time.toISOString().slice(0, 16).replace('T', ' ');
    const effect = change > 0 ? 'does not exist, so no run starts' : 'comes twice, so two runs start';
    return [`clocks change in ${timezone}: ${shown} ${effect}`];
  });
}

/** The moments of the next year at which clocks change, and by how much. Zones change on full or half hours of UTC. */
function clockChanges(offsetAt: (ms: number) => number, from: number) {
  const changes: { readonly at: number; readonly change: number }[] = [];
  const dayMs = 24 * hourMs;
  const stepMs = hourMs / 2;
  const start = Math.floor(from / dayMs) * dayMs;
  for (let day = start; day < start + 366 * dayMs; day += dayMs) {
    if (offsetAt(day) === offsetAt(day + dayMs)) continue;
    for (let at = day + stepMs; at <= day + dayMs; at += stepMs) {
      const change = offsetAt(at) - offsetAt(at - stepMs);
      if (change !== 0) changes.push({ at, change });
    }
  }
  return changes;
}

/** How far the wall clock of a time zone is ahead of UTC at a moment, in milliseconds. */
function offsets(timezone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'longOffset' });
  return (ms) => {
    const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign = '+', hours = '0', minutes = '0'] = /^GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours) * hourMs + Number(minutes) * minuteMs);
  };
}

/** Whether a cron matches a time of the wall clock, given as if it were UTC. */
function isMatch(cron: Cron, wall: Date): boolean {
  return (
    cron.minutes.has(wall.getUTCMinutes()) &&
    cron.hours.has(wall.getUTCHours()) &&
    cron.days.has(wall.getUTCDate()) &&
    cron.months.has(wall.getUTCMonth() + 1) &&
    cron.weekdays.has(wall.getUTCDay())
  );
}
