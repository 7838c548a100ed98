import { hasCheckDigit } from '../../nppes/rows/npi.ts';
import { hash } from './provider.ts';
import * as words from './words.ts';

/** The headers of the reference files by the beginning of the member's name (CMS, 2026). */
export const referenceHeaders = {
  othername: [
    'NPI',
    'Provider Other Organization Name',
    'Provider Other Organization Name Type Code',
    'Created Date',
  ],
  pl: [
    'NPI',
    'Provider Secondary Practice Location Address- Address Line 1',
    // The double space is CMS's own.
    'Provider Secondary Practice Location Address-  Address Line 2',
    'Provider Secondary Practice Location Address - City Name',
    'Provider Secondary Practice Location Address - State Name',
    'Provider Secondary Practice Location Address - Postal Code',
    'Provider Secondary Practice Location Address - Country Code (If outside U.S.)',
    'Provider Secondary Practice Location Address - Telephone Number',
    'Provider Secondary Practice Location Address - Telephone Extension',
    'Provider Practice Location Address - Fax Number',
  ],
  endpoint: [
    'NPI',
    'Endpoint Type',
    'Endpoint Type Description',
    'Endpoint',
    'Affiliation',
    'Endpoint Description',
    'Affiliation Legal Business Name',
    'Use Code',
    'Use Description',
    'Other Use Description',
    'Content Type',
    'Content Description',
    'Other Content Description',
    'Affiliation Address Line One',
    'Affiliation Address Line Two',
    'Affiliation Address City',
    'Affiliation Address State',
    'Affiliation Address Country',
    'Affiliation Address Postal Code',
  ],
} as const;

export type ReferenceFile = keyof typeof referenceHeaders;

const pick = <T>(list: readonly T[], number: number): T => list[number % list.length] as T;

/** A line of CSV, as CMS quotes it. */
export const quotedLine = (fields: readonly string[]): string =>
  `${fields.map((field) => `"${field}"`).join(',')}\n`;

// Every provider's line begins with these fields. A stub has no type, and a row with another one is refused.
const beginning = /^"(\d{10})","([12])"/;

/** The lines of the reference files for a provider's line: none for most, the same ones for the same line. */
export function* referenceLines(line: string): Generator<readonly [ReferenceFile, string]> {
  const [, npi, type] = beginning.exec(line) ?? [];
  if (npi === undefined || !hasCheckDigit(npi)) return;
  const who = hash(Number(npi), 20);
  // A changed line has other rows.
  const where = hash(Number(npi), line.length);
  if (type === '2' && who % 2 === 0) {
    for (let i = 0; i <= who % 3; i++) yield ['othername', otherName(npi, where + i)];
  }
  if (who % 7 === 0) {
    for (let i = 0; i <= who % 4; i++) yield ['pl', location(npi, where + i)];
    // As in CMS's files, a few rows are there twice.
    if (who % 210 === 0) yield ['pl', location(npi, where)];
  }
  if (who % 13 === 0) yield ['endpoint', endpoint(npi, where)];
}

function otherName(npi: string, number: number): string {
  const name = `${pick(words.nameStarts, number)}${pick(words.nameEnds, number >>> 5)} ${pick(words.organizationKinds, number >>> 9)}`;
  const day = `0${1 + (number % 9)}/1${number % 10}/20${10 + (number % 16)}`;
  return quotedLine([npi, name, pick(['3', '4', '5'], number), day]);
}

function location(npi: string, number: number): string {
  const [city, state, zip] = pick(words.places, number);
  const street = `${100 + (number % 9000)} ${pick(words.streets, number >>> 8)}`;
  const phone = `${200 + (number % 700)}${String(number % 10_000_000).padStart(7, '0')}`;
  const suite = number % 9 === 0 ? `SUITE ${number % 100}` : '';
  return quotedLine([npi, street, suite, city, state, `${zip}${10 + (number % 89)}`, 'US', phone, '', '']);
}

function endpoint(npi: string, number: number): string {
  const [city, state, zip] = pick(words.places, number);
  const [type, description, address] = pick(
    [
      ['DIRECT', 'Direct Messaging Address', `office${number % 100_000}@direct.example`],
      ['FHIR', 'FHIR URL', `https://fhir.example/r4/${number % 100_000}`],
    ] as const,
    number >>> 4,
  );
  const street = `${100 + (number % 9000)} ${pick(words.streets, number >>> 8)}`;
  const use = ['DIRECT', 'Direct'];
  const place = [street, '', city, state, 'US', `${zip}${10 + (number % 89)}`];
  return quotedLine([npi, type, description, address, 'N', '', '', ...use, '', '', '', '', ...place]);
}
