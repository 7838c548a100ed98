import { npiCheckDigit } from '../../nppes/rows/npi.ts';
import type { Random } from '../generated/hostile-csv.ts';
import type { FileRow } from './npi-model.ts';
import { individual, npi, organization, stub, type RowSpec } from '../generated/release-zip.ts';

/** What CMS knows about a provider. */
interface Known {
  readonly index: number;
  row: RowSpec;
  /** The row before the last change. */
  before: RowSpec;
  /** MM/DD/YYYY; absent while active. */
  deactivation?: string;
}

const odd = [
  'ÉCLAIR',
  'ØRSTED',
  'ŁUKASZ',
  'ÑANDU',
  'ÅS',
  'ÇELIK',
  'ÆTHEL',
  'ßAL',
  '李',
  '3M',
  '1ST CHOICE',
  '',
  ' LEE',
];
const plain = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ', (letter) => `${letter}ORTH`);
const names = [...odd, ...plain, ...plain, 'O"NEIL', 'BACK\\SLASH', 'TAB\tBED', '*********', 'NUL\uFFFDL'];
const cities = ['SALEM', 'DOVER', 'AUSTIN', 'SAN JUAN'];
const states = ['OR', 'DE', 'TX', 'PUERTO RICO', 'QUEENSLAND'];

const dayMs = 86_400_000;
/** The ISO day that is this many days later. */
export const dayAfter = (day: string, days: number) =>
  new Date(Date.parse(day) + days * dayMs).toISOString().slice(0, 10);
/** An ISO day as CMS writes it in its files. */
const usDate = (day: string) => `${day.slice(5, 7)}/${day.slice(8)}/${day.slice(0, 4)}`;

/**
 * A registry that lives through a year: `week`, `monthly` and `report` give the files that CMS would publish, in the
 * order
 * in which they are asked for, with all that real and wrong files have (FACTS, "The CSV" and "The page").
 */
export class Registry {
  readonly #random: Random;
  readonly #known: Known[] = [];
  /** Indexes in the current file: one row each, except duplicates. */
  #named = new Set<number>();
  /** Missing from the last monthly although CMS knows them. */
  #vanished: readonly Known[] = [];
  /** Changed in the last week. The next week's rows must survive when the last week arrives late. */
  #fresh: readonly Known[] = [];
  /** Providers whose row in the last monthly is newer than in the following week. */
  #ahead: readonly Known[] = [];
  #nextIndex = 1;

  constructor(random: Random, firstDay: string, providerCount: number) {
    this.#random = random;
    for (let i = 0; i < providerCount; i++) this.#newcomer(this.#dayBefore(firstDay));
    for (const known of this.#some(providerCount / 20, isActive))
      known.deactivation = this.#dayBefore(firstDay);
  }

  /** The file of a week. `start` is its Monday, ISO. */
  week(start: string): FileRow[] {
    const reappearing = this.#vanished.slice(0, 2);
    const fresh = this.#fresh.filter((known) => isActive(known) && !this.#ahead.includes(known));
    this.#named = new Set([...this.#ahead, ...reappearing, ...fresh].map(({ index }) => index));
    this.#fresh = this.#some(15 + this.#random(40), isActive);
    const day = () => usDate(dayAfter(start, this.#random(7)));
    const rows = [
      ...this.#ahead.map((known) => this.#overtaken(known, usDate(start))),
      ...reappearing.map(({ row }) => row),
      ...this.#times(15, 30, () => this.#newcomer(day()).row),
      ...fresh.slice(0, 3).map((known) => this.#deactivated(known, day())),
      ...fresh.slice(3, 6).map((known) => this.#changed(known, day())),
      ...this.#fresh.map((known) => this.#changed(known, day())),
      ...this.#some(2, isActive).map((known) => this.#changed(known, day(), otherType(known))),
      ...this.#some(10 + this.#random(20), isActive).map(({ row }) => row),
      ...this.#some(3, isActive).map(({ row }) => ({
        ...row,
        ...this.#place(),
        'Last Update Date': '01/02/2007',
      })),
      ...this.#some(4 + this.#random(6), isActive).map((known) => this.#deactivated(known, day())),
      ...this.#some(3, ({ deactivation }) => deactivation !== undefined).map((known) =>
        this.#reactivated(known, day()),
      ),
      ...this.#some(2, wasReactivated).map(({ index, row }) =>
        stub(index, row['NPI Reactivation Date'] ?? ''),
      ),
      ...this.#times(1, 2, () => stub((this.#nextIndex += 1), day())),
    ];
    this.#ahead = [];
    this.#vanished = [];
    return this.#asFile(rows, 6);
  }

  /** The monthly whose period ends on this day: everything CMS knows, except for deliberate errors. */
  monthly(periodEnd: string): FileRow[] {
    this.#named = new Set();
    this.#vanished = this.#some(4, () => true);
    const lagging = this.#some(4, isActive);
    this.#ahead = this.#some(4, isActive);
    for (const known of this.#ahead) this.#changed(known, usDate(dayAfter(periodEnd, 3 + this.#random(3))));
    const listed = this.#known.filter((known) => !this.#vanished.includes(known));
    const rows = listed.map((known) => {
      if (lagging.includes(known)) return known.before;
      return known.deactivation === undefined ? known.row : stub(known.index, known.deactivation);
    });
    const refusedAt = this.#random(rows.length - 8);
    const refused = rows.slice(refusedAt, refusedAt + 8).map((row) => this.#refused(row));
    return [...this.#asFile(rows.toSpliced(refusedAt, 8), 2), ...refused];
  }

  /** The deactivation report of a day: every deactivated provider except one, and a few who are active. */
  report(day: string): FileRow[] {
    this.#named = new Set();
    const listed = this.#known.filter(({ deactivation }) => deactivation !== undefined).slice(1);
    const entries = [
      ...listed.map(({ index, deactivation }) => stub(index, deactivation ?? '')),
      ...this.#ahead.map(({ index }) => stub(index, usDate(dayAfter(day, -9)))),
      ...this.#some(2, wasReactivated).map(({ index, row }) =>
        stub(index, row['NPI Reactivation Date'] ?? ''),
      ),
      stub((this.#nextIndex += 1), usDate(day)),
      stub(listed[0]?.index ?? 1, '01/02/2007'),
    ];
    const wrong = [{ ...stub(1, usDate(day)), NPI: '12' }, withWrongDigit(stub(2, usDate(day)))];
    return [...entries, ...wrong].map((fields) => ({ fields }));
  }

  /** Rows in random order, with duplicates and malformed rows. */
  #asFile(rows: readonly RowSpec[], wrongCount: number): FileRow[] {
    const sample = () => rows[this.#random(rows.length)] ?? {};
    const twice = this.#times(3, 6, () => this.#again(sample()));
    const refused = this.#times(wrongCount, wrongCount + 2, () => this.#refused(sample()));
    const file = [...rows, ...twice].map((fields): FileRow => ({ fields })).concat(refused);
    for (let i = file.length - 1; i > 0; i--) {
      const other = this.#random(i + 1);
      [file[i], file[other]] = [file[other] as FileRow, file[i] as FileRow];
    }
    return file;
  }

  #again(row: RowSpec): RowSpec {
    const isStub = row['Entity Type Code'] === undefined;
    const date = isStub ? 'NPI Deactivation Date' : 'Last Update Date';
    const ways: readonly RowSpec[] = [
      isStub ? row : { ...row, ...this.#place() },
      { ...row, [date]: '03/04/2008' },
      { NPI: row['NPI'] ?? '', 'NPI Deactivation Date': '03/04/2008' },
    ];
    return ways[this.#random(ways.length)] ?? row;
  }

  #refused(row: RowSpec): FileRow {
    const ways: readonly FileRow[] = [
      { fields: withWrongDigit(row) },
      { fields: { ...row, NPI: '123' } },
      { fields: { ...row, 'Entity Type Code': '3' } },
      { fields: { NPI: row['NPI'] ?? '' } },
      { fields: { ...row, 'Entity Type Code': '1', 'Provider First Name': 'A'.repeat(36) } },
      { fields: row, isBroken: true },
    ];
    return ways[this.#random(ways.length)] ?? { fields: row };
  }

  #newcomer(update: string): Known {
    const index = (this.#nextIndex += 1);
    const row = this.#row(index, this.#random(4) === 0 ? '2' : '1', update);
    const known = { index, row, before: row };
    this.#known.push(known);
    this.#named.add(index);
    return known;
  }

  #changed(known: Known, update: string, type = known.row['Entity Type Code']): RowSpec {
    const { 'NPI Deactivation Date': off = '', 'NPI Reactivation Date': on = '' } = known.row;
    known.before = known.row;
    const row = this.#row(known.index, type, update);
    known.row = off === '' ? row : { ...row, 'NPI Deactivation Date': off, 'NPI Reactivation Date': on };
    return known.row;
  }

  /** A week's row that is older than the row in the monthly before it. */
  #overtaken({ before }: Known, update: string): RowSpec {
    return { ...before, ...this.#place(), 'Last Update Date': update };
  }

  #deactivated(known: Known, date: string): RowSpec {
    known.deactivation = date;
    return stub(known.index, date);
  }

  /** Sometimes the same day as the deactivation. */
  #reactivated(known: Known, date: string): RowSpec {
    const off = known.deactivation ?? date;
    const on = this.#random(3) === 0 ? off : date;
    delete known.deactivation;
    const row = this.#row(known.index, known.row['Entity Type Code'], date);
    known.before = known.row;
    known.row = { ...row, 'NPI Deactivation Date': off, 'NPI Reactivation Date': on };
    return known.row;
  }

  #row(index: number, type: string | undefined, update: string): RowSpec {
    const name = this.#pick(names);
    const more: RowSpec = {
      ...this.#place(),
      'Provider Enumeration Date': '05/23/2005',
      'Healthcare Provider Taxonomy Group_1': '193200000X MULTI-SPECIALTY GROUP'.repeat(this.#random(2)),
      'Provider License Number_1': this.#pick(['=========', '$$$$$$$$$', '0012345', '']),
      'Provider License Number State Code_1': this.#pick(['NULL', 'TX', '']),
    };
    if (type === '2')
      return organization(index, name, update, {
        ...more,
        'Employer Identification Number (EIN)': '<UNAVAIL>',
      });
    const firstName = this.#pick(['ADA', 'RENÉE', 'JÖRG', '', 'A'.repeat(35)]);
    return individual(index, name, update, { ...more, 'Provider First Name': firstName });
  }

  #place(): RowSpec {
    const practice = 'Provider Business Practice Location Address';
    return {
      'Provider First Line Business Practice Location Address': `${1 + this.#random(999)} MAIN ST`,
      [`${practice} City Name`]: this.#pick(cities),
      [`${practice} State Name`]: this.#pick(states),
      [`${practice} Postal Code`]: String(100_000_000 + this.#random(900_000_000)),
      'Provider Business Mailing Address Postal Code': this.#pick(['02101', '', '973011234']),
    };
  }

  /** Some known providers that are not yet in the file. */
  #some(count: number, isMeant: (known: Known) => boolean): Known[] {
    const chosen: Known[] = [];
    for (let tries = 0; tries < 50 * count && chosen.length < count; tries++) {
      const known = this.#known[this.#random(this.#known.length)];
      if (!known || this.#named.has(known.index) || !isMeant(known)) continue;
      this.#named.add(known.index);
      chosen.push(known);
    }
    return chosen;
  }

  #times<Made>(least: number, most: number, make: () => Made): Made[] {
    return Array.from({ length: least + this.#random(most - least + 1) }, make);
  }

  #pick(from: readonly string[]): string {
    return from[this.#random(from.length)] ?? '';
  }

  #dayBefore(day: string): string {
    return usDate(dayAfter(day, -1 - this.#random(5000)));
  }
}

const isActive = ({ deactivation }: Known) => deactivation === undefined;
const wasReactivated = ({ row, deactivation }: Known) =>
  deactivation === undefined && row['NPI Reactivation Date'] !== undefined;
const otherType = ({ row }: Known) => (row['Entity Type Code'] === '1' ? '2' : '1');

function withWrongDigit(row: RowSpec): RowSpec {
  const nine = (row['NPI'] ?? npi(1)).slice(0, 9);
  return { ...row, NPI: nine + String((Number(npiCheckDigit(nine)) + 1) % 10) };
}
