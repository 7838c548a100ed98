import { dateNumber } from '../../nppes/rows/dates.ts';
import { npiCheckDigit } from '../../nppes/rows/npi.ts';
import { dayOf, hash, providerLine, sampleNpi, stubLine, type Period } from './provider.ts';
import type { ReportEntry } from './report-zip.ts';

/** Providers that the tables already hold: `full` ones with the indexes from 0, then `stubs`. */
export interface KnownProviders {
  readonly full: number;
  readonly stubs: number;
  /** The first index that no known provider has. */
  readonly firstNew: number;
  /** The period of their last updates and of the stubs' deactivations. */
  readonly updated: Period;
}

/** The number of rows of each kind in a week. */
export interface WeekMix {
  readonly inserted: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly stubs: number;
  readonly reactivated: number;
  readonly stale: number;
  readonly typeChanges: number;
  readonly duplicates: number;
  readonly refused: number;
}

/** The number of rows in CMS's weekly of 2026-09-21. */
export const weekRowCount = 34_009;

/**
 * The mix of the week of 2026-09-21 for any number of rows: 13,547 new, 13,868 changed, 682 deactivated, 45 reactivated,
 * 5,867 unchanged. A few of the changed rows are stale, change the entity type, appear twice or are refused.
 */
export function weekMix(rows: number): WeekMix {
  const part = (count: number) => Math.floor((count * rows) / weekRowCount);
  const few = Math.max(1, part(1));
  const rare = { stale: 12 * few, typeChanges: 6 * few, duplicates: 5 * few, refused: 6 * few };
  const [unchanged, stubs, reactivated] = [part(5867), part(682), part(45)];
  const changed = part(13_868) - 29 * few;
  const inserted = rows - part(13_868) - unchanged - stubs - reactivated;
  return { inserted, changed, unchanged, stubs, reactivated, ...rare };
}

/** A week to generate. */
export interface SampleWeek {
  readonly period: Period;
  readonly rows: number;
  /** Absent when the tables are empty: every full row is then a new provider and every stub an unknown one. */
  readonly known?: KnownProviders;
}

/** The providers that a week leaves in empty tables, for the next week to change. */
export function knownAfter({ period, rows }: Omit<SampleWeek, 'known'>): KnownProviders {
  const mix = weekMix(rows);
  const full = offset(mix, ontoEmpty, 'stubs');
  return { full, stubs: mix.stubs, firstNew: rows, updated: period };
}

/** The entries of a deactivation report after a week into empty tables, newest first. */
export function deactivatedAfter(week: Omit<SampleWeek, 'known'>): ReportEntry[] {
  const { full, stubs } = knownAfter(week);
  const entries = Array.from({ length: stubs }, (_, i) => ({
    npi: sampleNpi(full + i),
    date: stubDay(week.period, full + i),
  }));
  return entries.sort((a, b) => dateNumber(b.date) - dateNumber(a.date));
}

function stubDay(period: Period, index: number): string {
  return dayOf(period, hash(index, 4));
}

// Primes larger than any number of rows or providers. Stepping by one visits each position once, in no apparent order.
const rowStep = 15_485_863;
const providerStep = 32_452_843;

/** The lines of a week without its header, in no order by NPI or kind. */
export function* weekLines(week: SampleWeek): Generator<string> {
  const kinds = Object.entries(weekMix(week.rows)) as [keyof WeekMix, number][];
  for (let place = 0; place < week.rows; place++) {
    let position = (place * rowStep) % week.rows;
    const kind = kinds.find(([, count]) => {
      if (position < count) return true;
      position -= count;
      return false;
    });
    if (kind) yield rowOf(week, kind[0], position);
  }
}

/** The rows of the known providers, as a monthly holds them. */
export function* knownLines({ full, stubs, updated }: KnownProviders): Generator<string> {
  for (let index = 0; index < full; index++) yield providerLine({ index, version: 1, updated });
  for (let i = 0; i < stubs; i++) yield stubLine(full + i, stubDay(updated, full + i));
}

function rowOf(week: SampleWeek, kind: keyof WeekMix, position: number): string {
  const { period, known } = week;
  const index = indexOf(week, kind, position);
  if (kind === 'refused') return refusedLine(index, position, period);
  if (kind === 'stubs') return stubLine(index, stubDay(period, index));
  if (kind === 'inserted') return providerLine({ index, version: 1, updated: period });
  if (kind === 'reactivated') {
    const deactivation = stubDay(known?.updated ?? yearBefore(period), index);
    const reactivation = dayOf(period, hash(index, 5));
    return providerLine({ index, version: 1, updated: period, deactivation, reactivation });
  }
  // With empty tables, every row is the first of its provider.
  if (!known) return providerLine({ index, version: 1, updated: period });
  if (kind === 'unchanged') return providerLine({ index, version: 1, updated: known.updated });
  const updated = kind === 'stale' ? yearBefore(known.updated) : period;
  return providerLine({ index, version: 2, updated, isOtherType: kind === 'typeChanges' });
}

const ontoEmpty = [
  'inserted',
  'changed',
  'unchanged',
  'stale',
  'typeChanges',
  'stubs',
  'reactivated',
  'refused',
] as const;
const ontoKnown = ['changed', 'unchanged', 'stubs', 'stale', 'typeChanges'] as const;

/** The index of a row's provider. Each kind has its own providers; duplicates repeat those of the first changed rows. */
function indexOf(week: SampleWeek, kind: keyof WeekMix, position: number): number {
  const { rows, known } = week;
  const mix = weekMix(rows);
  if (kind === 'duplicates') return indexOf(week, 'changed', position);
  if (!known) return offset(mix, ontoEmpty, kind) + position;
  if (kind === 'inserted') return known.firstNew + position;
  if (kind === 'refused') return known.firstNew + mix.inserted + position;
  if (kind === 'reactivated') return known.full + position;
  return ((offset(mix, ontoKnown, kind) + position) * providerStep) % known.full;
}

function offset(mix: WeekMix, order: readonly (keyof WeekMix)[], kind: keyof WeekMix): number {
  let sum = 0;
  for (const other of order) {
    if (other === kind) break;
    sum += mix[other];
  }
  return sum;
}

function yearBefore({ start }: Period): Period {
  const day = (back: number) => new Date(Date.parse(start) - back * 86_400_000).toISOString().slice(0, 10);
  return { start: day(365), end: day(1) };
}

/** A row with a wrong check digit, an unknown entity type, or a missing field. */
function refusedLine(index: number, position: number, updated: Period): string {
  const good = providerLine({ index, version: 1, updated });
  if (position % 3 === 0) return good.replace(sampleNpi(index), wrongDigit(sampleNpi(index)));
  if (position % 3 === 1) return good.replace(/^("\d+"),"[12]"/, '$1,"3"');
  return good.replace(/,"[^"]*"\n$/, '\n');
}

function wrongDigit(npi: string): string {
  const nine = npi.slice(0, 9);
  return nine + String((Number(npiCheckDigit(nine)) + 1) % 10);
}
