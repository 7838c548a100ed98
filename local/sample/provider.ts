import { npidataHeader } from '../../nppes/rows/header.ts';
import { npiCheckDigit } from '../../nppes/rows/npi.ts';
import * as words from './words.ts';

/** First and last day, ISO dates. */
export interface Period {
  readonly start: string;
  readonly end: string;
}

/** A generated provider at one point in time: `index` says which provider, `version` which state of it. */
export interface ProviderAt {
  readonly index: number;
  readonly version: number;
  /** The Last Update Date is a day in this period, always the same for the same index. */
  readonly updated: Period;
  /** The provider has changed its entity type. */
  readonly isOtherType?: boolean;
  readonly deactivation?: string;
  readonly reactivation?: string;
}

const seed = 20_260_914;
const dayMs = 86_400_000;

/** A 32-bit number that looks random and is the same for the same arguments, so that nothing has to be stored. */
export function hash(index: number, salt: number): number {
  let mixed = Math.imul(index ^ seed, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

const pick = <T>(list: readonly T[], number: number): T => list[number % list.length] as T;

/** Different for all indexes below 2^27, and in no order, as in CMS's files. */
export function sampleNpi(index: number): string {
  const nine = String(100_000_000 + (Math.imul(index, 0x9e3779b1) & 0x7ffffff));
  return nine + npiCheckDigit(nine);
}

/** Four in five providers are individuals. */
const isIndividual = ({ index, isOtherType = false }: ProviderAt) =>
  (hash(index, 1) % 5 !== 0) !== isOtherType;

/** A day of a period as CMS writes it, MM/DD/YYYY. */
export function dayOf({ start, end }: Period, number: number): string {
  const first = Date.parse(start) / dayMs;
  const days = Date.parse(end) / dayMs - first + 1;
  return cmsDate(first + (number % days));
}

// A million rows share a few thousand days.
const cmsDates = new Map<number, string>();
function cmsDate(day: number): string {
  let text = cmsDates.get(day);
  if (text === undefined) {
    const [year, month, date] = new Date(day * dayMs).toISOString().slice(0, 10).split('-');
    text = `${month}/${date}/${year}`;
    cmsDates.set(day, text);
  }
  return text;
}

const columnOf = new Map(npidataHeader.map((name, position) => [name, position]));
const at = (name: string): number => {
  const position = columnOf.get(name);
  if (position === undefined) throw new Error(`The header has no column ${name}.`);
  return position;
};
const mailing = 'Provider Business Mailing Address';
const practice = 'Provider Business Practice Location Address';
const country = 'Country Code (If outside U.S.)';

/** The columns that have values, in the order of the header; all others are empty. */
const filledColumns = [
  'NPI',
  'Entity Type Code',
  'Employer Identification Number (EIN)',
  'Provider Organization Name (Legal Business Name)',
  'Provider Last Name (Legal Name)',
  'Provider First Name',
  'Provider Middle Name',
  'Provider Credential Text',
  'Provider First Line Business Mailing Address',
  ...['City Name', 'State Name', 'Postal Code', country, 'Telephone Number'].map(
    (name) => `${mailing} ${name}`,
  ),
  'Provider First Line Business Practice Location Address',
  ...['City Name', 'State Name', 'Postal Code', country, 'Telephone Number'].map(
    (name) => `${practice} ${name}`,
  ),
  'Provider Enumeration Date',
  'Last Update Date',
  'NPI Deactivation Date',
  'NPI Reactivation Date',
  'Provider Sex Code',
  'Authorized Official Last Name',
  'Authorized Official First Name',
  'Authorized Official Telephone Number',
  'Healthcare Provider Taxonomy Code_1',
  'Provider License Number_1',
  'Provider License Number State Code_1',
  'Healthcare Provider Primary Taxonomy Switch_1',
  'Is Sole Proprietor',
  'Is Organization Subpart',
  'Certification Date',
] as const;

/** The text before each filled column: quotes, commas and the empty fields before it. */
const separators = filledColumns.map((name, i) => {
  const before = i === 0 ? -1 : at(filledColumns[i - 1] ?? '');
  return `${i === 0 ? '' : '",'}${'"",'.repeat(at(name) - before - 1)}"`;
});
const tail = `"${',""'.repeat(npidataHeader.length - 1 - at('Certification Date'))}\n`;

function line(values: readonly string[]): string {
  let text = '';
  for (let i = 0; i < values.length; i++) text += (separators[i] ?? '') + (values[i] ?? '');
  return text + tail;
}

/** The header line, as CMS quotes it. */
export const sampleHeader = `${npidataHeader.map((name) => `"${name}"`).join(',')}\n`;

/** A deactivated provider's line: its NPI, the date, and nothing else. */
export function stubLine(index: number, deactivation: string): string {
  return line(
    filledColumns.map((name) =>
      name === 'NPI' ? sampleNpi(index) : name === 'NPI Deactivation Date' ? deactivation : '',
    ),
  );
}

/** A provider's line of 330 quoted fields. */
export function providerLine(provider: ProviderAt): string {
  const { index, version, updated, deactivation = '', reactivation = '' } = provider;
  const who = hash(index, 2);
  const where = hash(index, 3 + version);
  const contact = hash(index, 1000 + version);
  const individual = isIndividual(provider);
  const [city, state, zip] = pick(words.places, where);
  const street = `${100 + (contact % 9000)} ${pick(words.streets, contact >>> 8)}`;
  const postal = `${zip}${String(10 + (where % 89))}${individual ? String(1000 + (contact % 9000)) : ''}`;
  const phone = `${200 + (where % 700)}${String(contact % 10_000_000).padStart(7, '0')}`;
  const place = [street, city, state, postal, 'US', phone];
  const lastName = lastNameOf(version > 1 && who % 30 === 0 ? where : who);
  const firstName = pick(words.firstNames, who >>> 7);
  const lastUpdate = dayOf(updated, who);
  const taxonomy = pick(individual ? words.individualTaxonomies : words.organizationTaxonomies, who >>> 11);
  return line([
    sampleNpi(index),
    individual ? '1' : '2',
    individual ? '' : '<UNAVAIL>',
    individual ? '' : organizationNameOf(who, city),
    ...(individual
      ? [lastName, firstName, pick(words.middleNames, who >>> 3), pick(words.credentials, who >>> 5)]
      : ['', '', '', '']),
    ...place,
    ...place,
    dayOf({ start: '2005-05-23', end: '2020-12-31' }, who),
    lastUpdate,
    deactivation,
    reactivation,
    individual ? sexOf(who) : '',
    ...(individual ? ['', '', ''] : [lastName, firstName, phone]),
    taxonomy,
    ...(individual ? licenseOf(who, state) : ['', '']),
    'Y',
    individual ? pick(['N', 'Y', 'X'], who >>> 13) : '',
    individual ? '' : 'N',
    version > 1 ? lastUpdate : '',
  ]);
}

const sexOf = (who: number) => ((who >>> 9) % 41 === 0 ? 'X' : pick(['M', 'F'], who >>> 10));

function lastNameOf(who: number): string {
  const start = who % 499 === 0 ? pick(words.rareNameStarts, who >>> 3) : pick(words.nameStarts, who);
  return start + pick(words.nameMiddles, who >>> 6) + pick(words.nameEnds, who >>> 12);
}

function organizationNameOf(who: number, city: string): string {
  const kind = pick(words.organizationKinds, who >>> 9);
  if (who % 40 === 0) return `${1 + (who % 97)} MILE ${kind}`;
  return who % 3 === 0 ? `${city} ${kind}` : `${lastNameOf(who >>> 2)} ${kind}`;
}

/** Includes masks and the literal NULL, as real files do. */
function licenseOf(who: number, state: string): [string, string] {
  if (who % 53 === 0) return ['=========', state.slice(0, 2)];
  if (who % 97 === 0) return [`${who % 100_000}`, 'NULL'];
  return [`${state.slice(0, 2)}${who % 1_000_000}`, state.slice(0, 2)];
}
