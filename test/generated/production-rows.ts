import { npi } from './release-zip.ts';
import { stored, type FilledColumn, type ProductionRow } from '../bed/production-database.ts';

const surnames = [
  'SMITH',
  'Éclair',
  'ØDEGAARD',
  'Łukasz',
  '3M',
  "O'HARA",
  'zhang',
  'van Dyke',
  'Ærø',
  '李',
  'QUINN',
  '',
];
const companies = ['MERCY HOSPITAL', '1ST CHOICE', 'éTOILE CARE', 'Xavier Clinic', 'ACME', 'łódź med', ''];
const cities = ['AUSTIN', 'BOSTON', 'CHICAGO', 'DENVER'];

/** A generator of numbers from 0 up to but not including `below`. The same seed gives the same numbers. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof seeded>;
type Values = Partial<Record<FilledColumn, string>>;

const day = (random: Random) =>
  `${String(1 + random(12)).padStart(2, '0')}/${String(1 + random(28)).padStart(2, '0')}/${2018 + random(7)}`;
const pick = (random: Random, list: readonly string[]) => list[random(list.length)] ?? '';

function fullRow(index: number, table: 1 | 2, random: Random): ProductionRow {
  const long = random(50) === 0 ? 'A NAME THAT IS LONGER THAN ITS COLUMN' : 'ANN';
  const values: Values = {
    entity_type_code: String(table),
    ...(table === 1
      ? {
          provider_last_name: pick(random, surnames),
          provider_first_name: stored('provider_first_name', long),
        }
      : {
          provider_organization_name: pick(random, companies),
          provider_other_organization_name: stored('provider_other_organization_name', `DBA ${long}`),
        }),
    provider_first_line_business_practice_location_address: `${random(9000)} MAIN ST`,
    provider_business_practice_location_address_city_name: pick(random, cities),
    provider_business_practice_location_address_state_name: 'TX',
    provider_business_practice_location_address_postal_code: String(10_000 + random(80_000)),
    last_update_date: day(random),
    ...(random(20) === 0 && { npi_deactivation_date: day(random) }),
    ...(random(20) === 0 && { npi_reactivation_date: day(random) }),
    ...(random(3) === 0 && { certification_date: day(random) }),
  };
  return { table, npi: npi(index), values };
}

const stubRow = (index: number, random: Random): ProductionRow => ({
  table: 0,
  npi: npi(index),
  values: { npi_deactivation_date: day(random) },
});

const typeOf = (index: number): 0 | 1 | 2 => (index % 10 === 9 ? 0 : index % 10 >= 7 ? 2 : 1);

/**
 * Another row of a provider: an older or newer one, the same with another date or none, a stub, or one of another
 * type.
 */
function secondRow(row: ProductionRow, index: number, random: Random): ProductionRow {
  const type = row.table === 0 ? 1 : row.table;
  const other = fullRow(index, type, random);
  const same = { ...other.values, last_update_date: row.values.last_update_date ?? day(random) };
  switch (random(5)) {
    case 0:
      return other;
    case 1:
      return { ...other, values: same };
    case 2: {
      const dates = ['certification_date', 'npi_reactivation_date', 'npi_deactivation_date'] as const;
      return { ...row, values: { ...row.values, [dates[random(3)] ?? dates[0]]: day(random) } };
    }
    case 3:
      return stubRow(index, random);
    default:
      return fullRow(index, type === 1 ? 2 : 1, random);
  }
}

/**
 * Providers as years of the old job leave them: every tenth has a second row, some a third; a header that became a row,
 * and rows whose NPI or entity type is none. The same seed gives the same rows.
 */
export function productionRows(providers: number, seed: number): ProductionRow[] {
  const random = seeded(seed);
  const rows: ProductionRow[] = [];
  for (let index = 0; index < providers; index++) {
    const type = typeOf(index);
    const row = type === 0 ? stubRow(index, random) : fullRow(index, type, random);
    // The old job sometimes chooses another table than this service.
    rows.push(type !== 0 && random(300) === 0 ? { ...row, table: 0 } : row);
    if (random(10) === 0) rows.push(secondRow(row, index, random));
    if (random(50) === 0) rows.push(secondRow(row, index, random));
  }
  // The tables are unsorted, like the files.
  for (let at = rows.length - 1; at > 0; at--) {
    const other = random(at + 1);
    [rows[at], rows[other]] = [rows[other] as ProductionRow, rows[at] as ProductionRow];
  }
  const header = { entity_type_code: 'E', provider_last_name: 'Provider Last Name (Legal Name)' };
  return [
    { table: 0, npi: '0', values: header },
    { table: 1, npi: null, values: { entity_type_code: '1' } },
    { table: 1, npi: '123', values: { entity_type_code: '1' } },
    { table: 2, npi: '1234567890', values: { entity_type_code: '2' } },
    { table: 2, npi: npi(providers + 1), values: { entity_type_code: '3' } },
    ...rows,
  ];
}
