import { createHash } from 'node:crypto';
import { npiColumns } from '../../db/schema/npi-columns.ts';
import type { Session } from '../../db/connection/session.ts';
import { searchLetters, type Schemas } from '../../db/schema/tables.ts';
import {
  filledColumns,
  filledValues,
  type FilledColumn,
  type ProductionRow,
} from '../bed/production-database.ts';

/** The expected result of an adoption, computed slowly, obviously and without SQL. */
export interface Adopted {
  /** The lines of each table, sorted by NPI: `npi_data_0` to `npi_data_2` and the search tables. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly duplicates: number;
  readonly filled: number;
}

type Values = Record<FilledColumn, string>;

/** `MM/DD/YYYY` -> `YYYY-MM-DD`; an empty one comes first. */
const iso = (date = '') => (date === '' ? '' : `${date.slice(6)}-${date.slice(0, 2)}-${date.slice(3, 5)}`);
const valuesOf = ({ values }: ProductionRow): Values =>
  Object.fromEntries(filledColumns.map((name) => [name, values[name] ?? ''])) as Values;
const isFull = ({ values }: ProductionRow) => (values.entity_type_code ?? '') !== '';

export function adoptedModel(rows: readonly ProductionRow[]): Adopted {
  const refused: Record<string, number> = {};
  const byNpi = new Map<string, ProductionRow[]>();
  // Read the tables one after the other, each in the order in which its rows were stored.
  for (const row of [0, 1, 2].flatMap((table) => rows.filter((candidate) => candidate.table === table))) {
    const reason = refusalOf(row);
    if (reason !== undefined) refused[reason] = (refused[reason] ?? 0) + 1;
    else byNpi.set(row.npi ?? '', [...(byNpi.get(row.npi ?? '') ?? []), row]);
  }
  const tables: Record<string, string[]> = { npi_data_0: [], npi_data_1: [], npi_data_2: [] };
  for (const kind of ['surgeon', 'facility'])
    for (const suffix of ['all', ...searchLetters]) tables[`search_${kind}_${suffix}`] = [];
  const filled = rows.reduce((sum, row) => sum + filledValues(row), 0);
  let duplicates = 0;
  for (const npi of Array.from(byNpi.keys()).sort()) {
    const found = byNpi.get(npi) ?? [];
    const winner = best(found);
    duplicates += found.length - 1;
    const values = { ...valuesOf(winner), npi_deactivation_date: deactivationOf(winner, found) };
    tables[`npi_data_${values.entity_type_code || 0}`]?.push([npi, ...Object.values(values)].join('|'));
    for (const [table, line] of searchLines(npi, values)) tables[table]?.push(line);
  }
  return { tables, refused, duplicates, filled };
}

function refusalOf({ npi, values }: ProductionRow): string | undefined {
  if (!/^\d{10}$/.test(npi ?? '')) return 'NPI is not ten digits';
  if (!isLuhn(`80840${npi}`)) return 'NPI check digit is wrong';
  return ['', '1', '2'].includes(values.entity_type_code ?? '') ? undefined : 'entity type is unknown';
}

function isLuhn(digits: string): boolean {
  const sum = Array.from(digits)
    .reverse()
    .map((digit, at) => (at % 2 === 0 ? Number(digit) : Number(digit) * 2))
    .reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
  return sum % 10 === 0;
}

function best(rows: readonly ProductionRow[]): ProductionRow {
  const candidates = rows.some(isFull) ? rows.filter(isFull) : rows;
  const dates = (row: ProductionRow) =>
    [
      row.values.last_update_date,
      row.values.certification_date,
      row.values.npi_reactivation_date,
      row.values.npi_deactivation_date,
    ]
      .map((date) => iso(date).padEnd(10))
      .join();
  return candidates.reduce((winner, row) => (dates(row) >= dates(winner) ? row : winner));
}

function deactivationOf(winner: ProductionRow, rows: readonly ProductionRow[]): string {
  const own = winner.values.npi_deactivation_date ?? '';
  if (!isFull(winner)) return own;
  const stubs = rows.filter((row) => !isFull(row)).map((row) => row.values.npi_deactivation_date ?? '');
  const newest = stubs.sort((a, b) => (iso(a) < iso(b) ? -1 : 1)).at(-1) ?? '';
  const isOvertaken = [winner.values.npi_reactivation_date, own].some((date) => iso(date) >= iso(newest));
  return newest === '' || isOvertaken ? own : newest;
}

function searchLines(npi: string, values: Values): [table: string, line: string][] {
  const { entity_type_code: type, npi_deactivation_date: gone, npi_reactivation_date: back } = values;
  if (type === '' || (gone !== '' && !(back !== '' && iso(back) >= iso(gone)))) return [];
  const kind = type === '1' ? 'surgeon' : 'facility';
  const name = type === '1' ? values.provider_last_name : values.provider_organization_name;
  const names = type === '1' ? [values.provider_first_name, name] : [name];
  const line = [
    npi,
    ...names,
    values.provider_first_line_business_practice_location_address,
    values.provider_business_practice_location_address_city_name,
    values.provider_business_practice_location_address_state_name,
    values.provider_business_practice_location_address_postal_code,
  ].join('|');
  const letter = letterOf(name);
  const suffixes = letter === undefined ? ['all'] : ['all', letter];
  return suffixes.map((suffix) => [`search_${kind}_${suffix}`, line]);
}

/** The letter of a generated name. A name that starts without a Latin letter is listed under `a`. */
function letterOf(name: string): string | undefined {
  const first = Array.from(name.trim())[0];
  if (first === undefined) return undefined;
  const plain = { Ø: 'o', Ł: 'l', ł: 'l' }[first] ?? first.normalize('NFD').slice(0, 1).toLowerCase();
  return /^[a-z]$/.test(plain) ? plain : 'a';
}

/** One digest per table, so that a difference between 200,000 rows can be printed. */
export function digests({ tables }: Pick<Adopted, 'tables'>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tables).map(([table, lines]) => [
      table,
      `${lines.length} rows ${createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)}`,
    ]),
  );
}

/** The content of the tables in the model's format. Columns that no row fills must be empty, not NULL. */
export async function adoptedTables(
  session: Session,
  { application, search }: Schemas,
): Promise<Pick<Adopted, 'tables'>> {
  const tables: Record<string, string[]> = {};
  const read = async (place: string, columns: readonly string[]) => {
    const rows = await session.query(`SELECT ${columns.join(', ')} FROM ${place} ORDER BY npi`);
    return rows.map((row) => Object.values(row).join('|'));
  };
  const others = npiColumns
    .map(({ name }) => name)
    .filter((name) => !filledColumns.some((filled) => filled === name));
  for (const type of [0, 1, 2]) {
    tables[`npi_data_${type}`] = await read(`${application}.npi_data_${type}`, ['npi', ...filledColumns]);
    const odd = others.filter((name) => name !== 'npi').map((name) => `NOT ${name} <=> ''`);
    const [row] = await session.query<{ odd: number }>(
      `SELECT COUNT(*) AS odd FROM ${application}.npi_data_${type} WHERE ${odd.join(' OR ')}`,
    );
    if (row?.odd !== 0) tables[`npi_data_${type}`]?.push(`${row?.odd} rows with a field that is not empty`);
  }
  for (const [kind, names] of [
    ['surgeon', ['first_name', 'last_name']],
    ['facility', ['facility_name']],
  ] as const) {
    for (const suffix of ['all', ...searchLetters]) {
      const table = `search_${kind}_${suffix}`;
      tables[table] = await read(`${search}.${table}`, ['npi', ...names, 'address', 'city', 'state', 'zip']);
    }
  }
  return { tables };
}
