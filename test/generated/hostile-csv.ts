import { npiColumns } from '../../db/schema/npi-columns.ts';
import { npiCheckDigit } from '../../nppes/rows/npi.ts';

/** A generator of numbers below a bound. The same seed gives the same numbers. */
export type Random = (below: number) => number;

/** mulberry32. */
export function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** The columns of a short file: every kind that the reader distinguishes, and more than eight that may be empty. */
export const shortWanted = [
  { header: 'NPI', maxLength: 10 },
  { header: 'Entity Type Code', maxLength: 1 },
  { header: 'Provider Last Name (Legal Name)', maxLength: 8 },
  { header: 'Last Update Date', maxLength: 10 },
  { header: 'NPI Deactivation Date', maxLength: 10 },
  { header: 'NPI Reactivation Date', maxLength: 10 },
  { header: 'Authorized Official Last Name' },
  { header: 'Provider License Number State Code_1', maxLength: 2 },
  ...Array.from({ length: 9 }, (_, i) => ({ header: `Provider License Number_${i + 2}`, maxLength: 20 })),
  { header: 'Certification Date', maxLength: 10 },
] as const;

export const shortHeader: readonly string[] = [
  ...shortWanted.slice(0, 3).map(({ header }) => header),
  'Nobody wants this',
  ...shortWanted.slice(3, 8).map(({ header }) => header),
  'Nor this',
  'Nor that',
  ...shortWanted.slice(8).map(({ header }) => header),
];

/** Anything that can be in a field or between fields, as latin1, including bytes that are not UTF-8. */
export const oddities: readonly string[] = [
  '"',
  '""',
  '"""',
  ',',
  ',"',
  '",',
  '","',
  '"","",',
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  '\t',
  '\0',
  '"\0',
  '\u0001',
  'NULL',
  'null',
  'Null',
  'NULLS',
  '\\',
  "'",
  ' ',
  '  x',
  '!',
  '#',
  '\u007F',
  '\u001F',
  '\xC3\x89',
  '\xE2\x82\xAC',
  '\xF0\x9D\x92\x9C',
  '\xEF\xBF\xBD',
  '\xEF\xBB\xBF',
  '\xE2\x80\xA8',
  '\xFF',
  '\xC3',
  '\xE2\x82',
  '\xF0\x9D\x92',
  '\xC0\x80',
  '\xED\xA0\x80',
  '\x80',
  '\xF5',
  '\xEF\xBB',
];

const widths: ReadonlyMap<string, number | undefined> = new Map(
  [...npiColumns, ...shortWanted].map((column) => [
    column.header,
    'maxLength' in column ? column.maxLength : 99,
  ]),
);
const quoted = (fields: readonly string[]) => fields.map((field) => `"${field}"`).join(',');
const dates = [
  '',
  '',
  '01/02/2003',
  '12/31/2024',
  '01/02/2004',
  '1/2/2003',
  '00/00/0000',
  'ab/cd/efgh',
  '<UNAVAIL>',
];

/** The fields of a row as CMS writes it, some with values that are refused. */
export function plainFields(random: Random, header = shortHeader): string[] {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const nine = String(100_000_000 + random(900_000_000));
  return header.map((name) => {
    if (name === 'NPI') return nine + (random(50) === 0 ? String(random(10)) : npiCheckDigit(nine));
    if (name === 'Entity Type Code')
      return pick(['1', '1', '1', '2', '2', '', ...(random(50) === 0 ? ['3', '12'] : [])]);
    if (name.endsWith('Date')) return random(40) === 0 ? pick(dates) : pick(dates.slice(0, 5));
    if (random(3) > 0) return '';
    if (random(100) === 0) return pick(['NULL', 'NULL', 'null', 'Null']);
    const text = 'abcdefghijk LMN-.'.slice(random(9), 9 + random(9));
    return random(200) === 0 ? text : text.slice(0, widths.get(name) ?? 99);
  });
}

/**
 * One line with its end, as latin1. Of `calmness` lines all but one are written as CMS writes them; that one is not:
 * fields without quotes, quotes in the midst of text, fields too many or too few, line breaks and bytes of any kind.
 */
export function hostileLine(random: Random, calmness: number, header = shortHeader): string {
  const fields = plainFields(random, header);
  if (random(calmness) > 0) return `${quoted(fields)}\n`;
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const someField = () => random(fields.length);
  for (let faults = 1 + random(2); faults > 0; faults--) {
    const at = someField();
    const field = fields[at] ?? '';
    const cut = random(field.length + 1);
    const odd = pick(oddities);
    const kind = random(8);
    // Doubled quotes are twice as likely, so that not every line with a quote is malformed.
    if (kind < 4)
      fields[at] = field.slice(0, cut) + odd.replaceAll('"', kind < 2 ? '""' : '"') + field.slice(cut);
    else if (kind === 4) fields[at] = odd.repeat(1 + random(12));
    else if (kind === 5) fields.splice(at, 1);
    else if (kind === 6) fields.splice(at, 0, odd);
  }
  let line = quoted(fields);
  if (random(6) === 0) line = line.replace(`"${fields[someField()] ?? ''}"`, fields[someField()] ?? '');
  if (random(12) === 0) line = line.slice(random(line.length));
  if (random(12) === 0) line = line.slice(0, random(line.length));
  if (random(12) === 0) line = pick(oddities) + line;
  return line + pick(['\n', '\n', '\n', '\n', '\r\n', '\r\n', '\n\n', '\r', '']);
}

/** A file of such lines, with a header. */
export function hostileFile(random: Random, lines: number, calmness: number, header = shortHeader): Buffer {
  let text = random(4) === 0 ? '\xEF\xBB\xBF' : '';
  text += quoted(header) + (random(4) === 0 ? '\r\n' : '\n');
  for (let i = 0; i < lines; i++) text += hostileLine(random, calmness, header);
  return Buffer.from(text, 'latin1');
}
