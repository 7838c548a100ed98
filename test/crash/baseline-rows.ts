import { npidataHeader } from '../../nppes/rows/header.ts';
import { individual, npi, organization, stub, type RowSpec } from '../generated/release-zip.ts';

// A monthly for tables that already hold most of its providers: 300, spread over all possible NPIs.
const providerCount = 300;
const indexes = Array.from({ length: providerCount }, (_, i) => i);
const spread = (i: number) => i * 666_667;

/** The number of ranges that the monthly is split into. */
export const rangeCount = 6;

/**
 * The monthly's header with an extra column that is not loaded. Its long values make the file big enough for several
 * ranges.
 */
export const padded = [...npidataHeader, 'Padding'];
const padding = ' '.repeat(262_000);

const names = [
  'SMITH',
  'ÉCLAIR',
  'ØRSTED',
  '3M',
  '',
  ' LEE',
  'O"NEIL',
  'ADAMS',
  'ZZ\tTOP',
  'MERCY',
  'Ängström',
];
const nameOf = (i: number) => names[i % names.length] ?? '';

function provider(i: number, lastUpdate: string, city: string, isOther = false): RowSpec {
  const make = (i % 5 === 0) === isOther ? individual : organization;
  return make(spread(i), nameOf(i), lastUpdate, {
    'Provider Business Practice Location Address City Name': city,
  });
}

function weekRow(i: number, day: string, city: string): RowSpec {
  return i % 11 === 10 ? stub(spread(i), day) : provider(i, day, city);
}

/** The week that ends on the monthly's last day. */
export const earlierWeek = indexes.filter((i) => i < 200).map((i) => weekRow(i, '09/08/2026', 'EARLIER'));

/** The week after the monthly; its rows are newer and must survive. */
export const laterWeek = indexes.filter((i) => i % 4 === 1).map((i) => weekRow(i, '09/15/2026', 'LATER'));

/**
 * Providers from number 30 on. Some changed their type, are deactivated, refused, older than or equal to the live row,
 * or appear twice.
 */
export const monthlyRows: readonly RowSpec[] = indexes
  .slice(30)
  .flatMap((i): RowSpec[] => {
    if (i % 7 === 1) return [provider(i, '09/10/2026', 'OTHER TYPE', true)];
    if (i % 7 === 2) return [stub(spread(i), '09/09/2026')];
    if (i % 7 === 3) return [{ NPI: npi(spread(i)), 'Entity Type Code': '3' }];
    if (i % 7 === 4) return [provider(i, '08/01/2026', 'OLDER')];
    if (i % 7 === 5) return [weekRow(i, '09/08/2026', 'EARLIER')];
    const row = provider(i, '09/10/2026', 'MONTHLY');
    return i % 13 === 0 ? [row, provider(i, '09/11/2026', 'TWICE')] : [row];
  })
  .map((row) => ({ ...row, Padding: padding }));
