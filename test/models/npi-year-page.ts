import { basename } from 'node:path';
import { monthlyPeriodEnd } from '../../nppes/page/release.ts';
import { seeded } from '../generated/hostile-csv.ts';
import type { FileRow, ModelRelease } from './npi-model.ts';
import { dayAfter, Registry } from './npi-year.ts';
import type { Pipeline } from '../bed/pipeline.ts';
import { npidataCsv, writeReport, writeWeekly } from '../generated/release-zip.ts';

/** The Monday on which the first monthly appears. The number of a week counts Mondays from here. */
const firstMonday = '2024-09-09';
/** The Monday on which a week appears. The week ended the day before. */
export const mondayOf = (week: number) => dayAfter(firstMonday, 7 * week);
/** 52 weeks. The first monthly already holds the first one. */
export const lastWeek = 51;
/** Weeks that are never listed. The second one spans New Year. */
export const missing: readonly number[] = [7, 17];
/** A week that is listed late, after two later weeks and before any monthly that holds it. */
export const late = { week: 27, listedIn: 30 };

const providerCount = 1500;

/** A release and the name of its zip. */
export interface Release extends ModelRelease {
  readonly zip: string;
}

/** The new files on the page: weeks, oldest first, and on some Mondays a monthly and a report. */
export interface News {
  readonly weeklies: readonly Release[];
  readonly month: readonly [] | readonly [monthly: Release, report: Release];
}

/** Plays CMS: lists new files every Monday, and keeps a few older ones. */
export class Cms {
  readonly #folder: string;
  readonly #random;
  readonly #registry: Registry;
  #weeklies: readonly Release[] = [];
  #late: readonly Release[] = [];
  /** What the server has. A release stays there when the page no longer lists it. */
  readonly #offered = new Set<string>();
  #month: News['month'] = [];

  /** Answers requests instead of the pipeline's page. */
  constructor({ site, page }: Pipeline, seed: number) {
    this.#folder = site;
    this.#random = seeded(seed);
    this.#registry = new Registry(this.#random, firstMonday, providerCount);
    page.intercept = ({ url = '' }, response) => {
      const listed = [...this.#weeklies, ...this.#month];
      if (url.endsWith('.html')) response.end(listed.map(({ zip }) => `<a href='./${zip}'>`).join('\n'));
      else if (this.#offered.has(basename(url))) return false;
      else response.writeHead(404).end();
      return true;
    };
  }

  /** Call it for each week in order. */
  async nextMonday(week: number): Promise<News> {
    const monday = mondayOf(week);
    const ofWeek = await this.#write(
      'weekly',
      [dayAfter(monday, -7), dayAfter(monday, -1)],
      this.#registry.week(dayAfter(monday, -7)),
    );
    if (week === late.week) this.#late = [ofWeek];
    const isListed = week !== late.week && !missing.includes(week);
    const weeklies = [...(week === late.listedIn ? this.#late : []), ...(isListed ? [ofWeek] : [])];
    // The page lists two to five weeklies.
    this.#weeklies = [...this.#weeklies.slice(-1 - this.#random(3)), ...weeklies];
    const month: News['month'] = isMonthDay(monday)
      ? [await this.#monthly(monday), await this.#report(monday)]
      : [];
    if (month.length > 0) this.#month = month;
    for (const { zip } of [...weeklies, ...month]) this.#offered.add(zip);
    return { weeklies, month };
  }

  #monthly(monday: string): Promise<Release> {
    const periodEnd = dayAfter(monday, -1);
    const month = new Date(monday).toLocaleString('en-US', { month: 'long', timeZone: 'UTC' });
    const zip = `NPPES_Data_Dissemination_${month}_${monday.slice(0, 4)}_V2.zip`;
    return this.#write('monthly', ['2005-05-23', periodEnd], this.#registry.monthly(periodEnd), zip);
  }

  async #report(monday: string): Promise<Release> {
    const rows = this.#registry.report(monday);
    const entries = rows.map(({ fields }) => ({
      npi: fields['NPI'] ?? '',
      date: fields['NPI Deactivation Date'] ?? '',
    }));
    const day = compact(monday);
    const zip = await writeReport(this.#folder, day.slice(4) + day.slice(2, 4), entries);
    const member = `NPPES Deactivated NPI Report ${day}.xlsx`;
    return { kind: 'deactivation', periodEnd: monday, member, rows, zip };
  }

  /** Malformed records get one extra field. */
  async #write(
    kind: 'weekly' | 'monthly',
    [periodStart, periodEnd]: readonly [string, string],
    rows: readonly FileRow[],
    zipName?: string,
  ): Promise<Release> {
    const period = `${compact(periodStart)}-${compact(periodEnd)}`;
    const lines = npidataCsv(rows.map(({ fields }) => fields)).split('\n');
    const csv = lines.map((line, i) => (rows[i - 1]?.isBroken ? `${line},"MORE"` : line)).join('\n');
    const zip = await writeWeekly(this.#folder, period, csv, zipName);
    return { kind, periodEnd, member: `npidata_pfile_${period}.csv`, rows, zip };
  }
}

const compact = (day: string) => day.replaceAll('-', '');

const isMonthDay = (monday: string) =>
  dayAfter(monday, -1) === monthlyPeriodEnd(Number(monday.slice(0, 4)), Number(monday.slice(5, 7)));
