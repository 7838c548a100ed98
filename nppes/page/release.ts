export type ReleaseKind = 'weekly' | 'monthly' | 'deactivation';

/**
 * One file that CMS publishes, as described by its file name and later by the name of its member. Plain JSON, because it is
 * part of payloads.
 */
export interface Release {
  readonly kind: ReleaseKind;
  /** `V2` since 2026 (longer names); both were listed side by side in 2025. */
  readonly layout: 'V1' | 'V2';
  /** CMS's file name, with `.zip`. */
  readonly fileName: string;
  /** The first and the last day that the file covers; ISO dates. */
  readonly periodStart: string;
  readonly periodEnd: string;
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const longMonths =
  'january|february|march|april|may|june|july|august|september|october|november|december|sept|' +
  months.join('|');

// Anchored at both ends: otherwise the pattern for monthlies also matches weeklies.
const patterns = {
  weekly: /^NPPES_Data_Dissemination_(\d{6})_(\d{6})_Weekly(_V2)?\.zip$/i,
  monthly: new RegExp(`^NPPES_Data_Dissemination_(${longMonths})_(\\d{4})(_V2)?\\.zip$`, 'i'),
  deactivation: /^NPPES_Deactivated_NPI_Report_(\d{6})(_V2)?\.zip$/i,
};

/** The first day of NPPES. Every monthly starts with it. */
const firstDay = '2005-05-23';

/** The release that a file name describes; undefined if it is not a CMS file name. */
export function parseReleaseName(fileName: string): Release | undefined {
  return parseWeekly(fileName) ?? parseMonthly(fileName) ?? parseDeactivation(fileName);
}

function parseWeekly(fileName: string): Release | undefined {
  const [, from = '', to = '', v2] = patterns.weekly.exec(fileName) ?? [];
  const [periodStart, periodEnd] = [isoDay(from), isoDay(to)];
  if (!periodStart || !periodEnd || periodStart > periodEnd) return undefined;
  return { kind: 'weekly', layout: v2 ? 'V2' : 'V1', fileName, periodStart, periodEnd };
}

function parseMonthly(fileName: string): Release | undefined {
  const [, month, year, v2] = patterns.monthly.exec(fileName) ?? [];
  if (!month) return undefined;
  const periodEnd = monthlyPeriodEnd(Number(year), months.indexOf(month.slice(0, 3).toLowerCase()) + 1);
  return { kind: 'monthly', layout: v2 ? 'V2' : 'V1', fileName, periodStart: firstDay, periodEnd };
}

function parseDeactivation(fileName: string): Release | undefined {
  const [, day = '', v2] = patterns.deactivation.exec(fileName) ?? [];
  const periodEnd = isoDay(day);
  if (!periodEnd) return undefined;
  return { kind: 'deactivation', layout: v2 ? 'V2' : 'V1', fileName, periodStart: firstDay, periodEnd };
}

/** `MMDDYY` as an ISO date; undefined for a day that does not exist. */
function isoDay(mmddyy: string): string | undefined {
  const iso = `20${mmddyy.slice(4)}-${mmddyy.slice(0, 2)}-${mmddyy.slice(2, 4)}`;
  const time = Date.parse(`${iso}T00:00:00Z`);
  return Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== iso ? undefined : iso;
}

/** A monthly appears on the second Monday of its month and covers all days before it (contract, rule 2). `month` is 1 to 12. */
export function monthlyPeriodEnd(year: number, month: number): string {
  const weekday = new Date(Date.UTC(year, month - 1, 1)).getUTCDay();
  const firstMonday = 1 + ((8 - weekday) % 7);
  return new Date(Date.UTC(year, month - 1, firstMonday + 6)).toISOString().slice(0, 10);
}

/** The release with the period from the name of its member, which decides as soon as the zip is downloaded. */
export function withMemberPeriod(release: Release, member: string): Release {
  if (release.kind === 'deactivation') return withReportDay(release, member);
  const [, from, to] = /npidata_(?:pfile_)?(\d{8})-(\d{8})\.csv$/i.exec(member) ?? [];
  if (!from || !to) return release;
  const [periodStart, periodEnd] = [from, to].map((day) => isoDay(day.slice(4) + day.slice(2, 4)));
  // If the days do not exist, the name of the zip decides.
  return periodStart && periodEnd ? { ...release, periodStart, periodEnd } : release;
}

/** Takes the day from a name such as `NPPES Deactivated NPI Report 20231009.xlsx`. */
function withReportDay(release: Release, member: string): Release {
  const [, day = ''] = /(\d{8})\.xlsx$/i.exec(member) ?? [];
  const periodEnd = isoDay(day.slice(4) + day.slice(2, 4));
  return periodEnd === undefined ? release : { ...release, periodEnd };
}

// The day on which CMS ended V1. Before it CMS offered both layouts, and the name of a member does not say which one it has.
export const v2Since = '2026-03-03';
const monthNames = longMonths.split('|').slice(0, 12);

/**
 * The weekly or monthly that a line in the log of an earlier loader describes: the name of a zip or of a member, with or
 * without a folder. Undefined for every other text. For a member, the zip gets the name that CMS would have given it.
 */
export function releaseOfLogged(text: string): Release | undefined {
  const name = text.split(/[\\/]/).at(-1) ?? '';
  const named = parseReleaseName(name);
  if (named) return named.kind === 'deactivation' ? undefined : named;
  const [, from = '', to = ''] = /^npidata_(?:pfile_)?(\d{8})-(\d{8})\.csv$/i.exec(name) ?? [];
  const [start, end] = [from, to].map((day) => day.slice(4) + day.slice(2, 4));
  const [periodStart, periodEnd] = [isoDay(start ?? ''), isoDay(end ?? '')];
  if (!periodStart || !periodEnd || periodStart > periodEnd) return undefined;
  const layout = periodEnd < v2Since ? 'V1' : 'V2';
  const suffix = layout === 'V2' ? '_V2.zip' : '.zip';
  if (periodStart !== firstDay)
    return parseReleaseName(`NPPES_Data_Dissemination_${start}_${end}_Weekly${suffix}`);
  const month = capitalized(monthNames[Number(periodEnd.slice(5, 7)) - 1] ?? '');
  const fileName = `NPPES_Data_Dissemination_${month}_${periodEnd.slice(0, 4)}${suffix}`;
  return { kind: 'monthly', layout, fileName, periodStart, periodEnd };
}

const capitalized = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1);

/** The file name without `.zip`, for messages. */
export function releaseName(release: Pick<Release, 'fileName'>): string {
  return release.fileName.replace(/\.zip$/i, '');
}

type ReleaseOrder = Pick<Release, 'kind' | 'periodEnd'>;
const orderOfKinds: readonly ReleaseKind[] = ['weekly', 'monthly', 'deactivation'];

/**
 * Compares by the order in which releases are applied: by the end of the period, and on the same day a weekly first, then a
 * monthly, then a deactivation report.
 */
export function compareReleases(a: ReleaseOrder, b: ReleaseOrder): number {
  if (a.periodEnd !== b.periodEnd) return a.periodEnd < b.periodEnd ? -1 : 1;
  return orderOfKinds.indexOf(a.kind) - orderOfKinds.indexOf(b.kind);
}
