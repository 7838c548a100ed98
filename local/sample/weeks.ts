import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseReleaseName } from '../../nppes/page/release.ts';
import type { Period } from './provider.ts';
import { writeReleaseZip } from './release-zip.ts';
import { writeReportZip } from './report-zip.ts';
import { deactivatedAfter, knownAfter, knownLines, weekLines, weekRowCount } from './rows.ts';

const dayMs = 86_400_000;
const monthlyRows = 2000;

/**
 * Writes the first generated week (the one before the last full week), a small monthly and a deactivation report into a
 * folder, unless it already has a week. `today` is an ISO date.
 */
export async function prepareSample(folder: string, today: string, signal?: AbortSignal): Promise<void> {
  mkdirSync(folder, { recursive: true });
  if (weeksIn(folder).length > 0) return;
  const period = weekEndingBefore(today, 1);
  await writeMonthly(folder, period.start, signal);
  await writeReport(folder, period);
  signal?.throwIfAborted();
  await writeWeek(folder, period, weekLines({ period, rows: weekRowCount }), signal);
}

/** Adds the week after the first, which changes providers of the first. Does nothing when that week exists. */
export async function addNextWeek(folder: string): Promise<void> {
  const [first, second] = weeksIn(folder);
  if (!first || second) return;
  const period = { start: addDays(first.start, 7), end: addDays(first.end, 7) };
  const known = knownAfter({ period: first, rows: weekRowCount });
  await writeWeek(folder, period, weekLines({ period, rows: weekRowCount, known }));
}

function weeksIn(folder: string): Period[] {
  return readdirSync(folder)
    .flatMap((name) => parseReleaseName(name) ?? [])
    .filter(({ kind }) => kind === 'weekly')
    .map(({ periodStart, periodEnd }) => ({ start: periodStart, end: periodEnd }))
    .sort((a, b) => a.end.localeCompare(b.end));
}

/** A week from Monday to Sunday, with `back` full weeks between it and today. */
function weekEndingBefore(today: string, back: number): Period {
  const weekday = (new Date(today).getUTCDay() + 6) % 7;
  const monday = addDays(today, -weekday - 7 * (back + 1));
  return { start: monday, end: addDays(monday, 6) };
}

function addDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * dayMs).toISOString().slice(0, 10);
}

function writeWeek(
  folder: string,
  { start, end }: Period,
  lines: Iterable<string>,
  signal?: AbortSignal,
): Promise<void> {
  const name = `NPPES_Data_Dissemination_${short(start)}_${short(end)}_Weekly_V2.zip`;
  return writeReleaseZip(join(folder, name), {
    range: `${compact(start)}-${compact(end)}`,
    lines,
    hasReferences: true,
    ...(signal && { signal }),
  });
}

/** Writes the report of the Monday after a week; it lists the providers that the week deactivated. */
function writeReport(folder: string, period: Period): Promise<void> {
  const day = short(addDays(period.end, 1));
  const entries = deactivatedAfter({ period, rows: weekRowCount });
  return writeReportZip(join(folder, `NPPES_Deactivated_NPI_Report_${day}_V2.zip`), day, entries);
}

const short = (day: string) => day.slice(5, 7) + day.slice(8) + day.slice(2, 4);
const compact = (day: string) => day.replaceAll('-', '');
const monthName = new Intl.DateTimeFormat('en-US', { month: 'long', timeZone: 'UTC' });

async function writeMonthly(folder: string, day: string, signal?: AbortSignal): Promise<void> {
  const before = addDays(day, -1);
  const name = `NPPES_Data_Dissemination_${monthName.format(new Date(before))}_${before.slice(0, 4)}_V2.zip`;
  const path = join(folder, name);
  if (existsSync(path)) return;
  const updated = { start: '2006-01-01', end: before };
  const known = { full: monthlyRows, stubs: 20, firstNew: monthlyRows + 20, updated };
  await writeReleaseZip(path, {
    range: `20050523-${compact(before)}`,
    lines: knownLines(known),
    hasReferences: true,
    ...(signal && { signal }),
  });
}
