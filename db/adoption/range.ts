import { adoptionTables, type AdoptedTable, type AdoptedTables, type Statement } from './tables.ts';
import { hasTenDigits, refusalOf, type RefusalWords } from './refusals.ts';
import { dateKey, isDeactivated } from '../registry/dates.ts';
import { npiColumns } from '../schema/npi-columns.ts';
import type { AdoptedCounts } from '../schema/ledger-json.ts';
import { hasLetter, letter, nameOf, searchedAs } from '../registry/search.ts';
import { searchLetters, type Schemas } from '../schema/tables.ts';

/** A range of NPIs. A dry run uses placeholders such as `<from>`. */
export interface Bounds {
  readonly fromNpi: bigint | string;
  readonly toNpi: bigint | string;
}

/** The ends of BIGINT: the table may hold anything. */
export const lowestNpi = -(2n ** 63n);
export const highestNpi = 2n ** 63n - 1n;

/** A statement, and the count that its rows belong to. */
export interface RangeStatement extends Statement {
  readonly counts?: keyof AdoptedCounts;
}

/** The tables of an adoption and how to copy them. */
export interface AdoptPlan {
  readonly schemas: Schemas;
  readonly tables: AdoptedTables;
  readonly words: RefusalWords;
  /** The last release that the log lists; all rows count as its rows. Null when the log lists none. */
  readonly releaseId: number | null;
}

const types = [0, 1, 2] as const;
const provenance = ['data_release', 'deactivation_release'];
const loaded = new Set(npiColumns.map(({ name }) => name));
const list = (names: readonly string[], row?: string) =>
  names.map((name) => (row === undefined ? `\`${name}\`` : `${row}.\`${name}\``)).join(', ');

/** The columns that the original stores and those that a load fills. The shadow has both. */
export function written({ found }: AdoptedTable): string[] {
  const stored = found.columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name);
  return Array.from(new Set([...stored, ...loaded, ...provenance]));
}

/** The key for scanning a table: its primary key or a plain one on `npi`, which returns equal NPIs in table order. */
export function scanKey({ found }: AdoptedTable): string | undefined {
  if (found.primary.join() === 'npi') return 'PRIMARY';
  return found.keys.find(({ columns }) => columns.join() === 'npi')?.name;
}

/** `schema.table k` with the rows of a range, scanned by its key. The first range also has the rows without an NPI. */
export function rowsOf(table: AdoptedTable, { fromNpi, toNpi }: Bounds): string {
  const unnumbered = fromNpi === lowestNpi ? ' OR k.npi IS NULL' : '';
  return `${table.original} k FORCE INDEX (\`${scanKey(table)}\`) WHERE (k.npi BETWEEN ${fromNpi} AND ${toNpi}${unnumbered})`;
}

/** The statements that read a range into the empty stage, and write the remaining rows into the shadows. */
export function rangeStatements(
  plan: AdoptPlan,
  bounds: Bounds,
  letters: readonly string[] = searchLetters,
): RangeStatement[] {
  return [
    ...readStatements(plan, bounds),
    ...refuseStatements(plan),
    ...chooseStatements(plan),
    ...writeStatements(plan),
    ...searchStatements(plan, bounds, letters),
  ];
}

function readStatements({ schemas, tables }: AdoptPlan, bounds: Bounds): RangeStatement[] {
  const { stage } = adoptionTables(schemas);
  return tables.data.map((table): RangeStatement => {
    const present = new Set(table.found.columns.map(({ name }) => name));
    const names = written(table).filter((name) => present.has(name) || loaded.has(name));
    const values = names.map((name) => {
      if (name === 'npi') return 'COALESCE(k.npi, 0)';
      if (!present.has(name)) return "''";
      return loaded.has(name) ? `COALESCE(k.\`${name}\`, '')` : `k.\`${name}\``;
    });
    return {
      what: `read the rows of ${table.original} in the order of its key; empty fields become ''`,
      sql: `INSERT INTO ${stage} (${list(names)}) SELECT ${values.join(', ')} FROM ${rowsOf(table, bounds)} ORDER BY k.npi`,
      counts: 'read',
    };
  });
}

function refuseStatements({ schemas, words }: AdoptPlan): RangeStatement[] {
  const { stage } = adoptionTables(schemas);
  const reason = refusalOf('s', words);
  return [
    {
      what: 'collect the rows that are not valid providers, with the reason; npi_quarantine keeps them',
      sql: `INSERT INTO ${stage}_refused (line_no, npi, reason)
SELECT 0, IF(${hasTenDigits('s')}, s.npi, NULL), ${reason} FROM ${stage} s WHERE ${reason} IS NOT NULL ORDER BY s.row_no`,
      counts: 'refused',
    },
    {
      what: 'remove these invalid rows from the staging table',
      sql: `DELETE s FROM ${stage} s WHERE ${reason} IS NOT NULL`,
    },
  ];
}

/** The winning full row takes the date of the newest stub, so stubs are removed only after that. */
function chooseStatements({ schemas }: AdoptPlan): RangeStatement[] {
  const { stage } = adoptionTables(schemas);
  const date = (column: string) => dateKey(`s.${column}`);
  return [
    oneStays(stage, 'keep one full row per NPI', "WHERE s.entity_type_code <> ''"),
    {
      what: 'give a full row the deactivation date of the newest stub of its NPI, unless it was reactivated since',
      sql: `UPDATE ${stage} s JOIN (
  SELECT npi, MAX(${dateKey('npi_deactivation_date')}) AS since FROM ${stage} WHERE entity_type_code = '' GROUP BY npi
) stub ON stub.npi = s.npi
SET s.npi_deactivation_date = CONCAT(RIGHT(stub.since, 5), '/', LEFT(stub.since, 4))
WHERE s.entity_type_code <> '' AND stub.since <> ''
  AND ${date('npi_reactivation_date')} < stub.since AND ${date('npi_deactivation_date')} < stub.since`,
      counts: 'deactivated',
    },
    oneStays(stage, 'remove stubs of NPIs that have a full row or a newer stub', ''),
  ];
}

function oneStays(stage: string, what: string, among: string): RangeStatement {
  const dates = ['last_update_date', 'certification_date', 'npi_reactivation_date', 'npi_deactivation_date'];
  return {
    what,
    sql: `DELETE s FROM (
  SELECT s.npi, s.row_no, ROW_NUMBER() OVER (PARTITION BY s.npi ORDER BY s.entity_type_code = '',
    ${dates.map((column) => `${dateKey(`s.${column}`)} DESC`).join(', ')}, s.row_no DESC) AS place
  FROM ${stage} s ${among}
) ranked STRAIGHT_JOIN ${stage} s ON s.npi = ranked.npi AND s.row_no = ranked.row_no WHERE ranked.place > 1`,
    counts: 'duplicates',
  };
}

function writeStatements({ schemas, tables, releaseId }: AdoptPlan): RangeStatement[] {
  const { stage } = adoptionTables(schemas);
  const counts = ['stubs', 'individuals', 'organizations'] as const;
  return types.map((type): RangeStatement => {
    const table = tables.data[type];
    const names = written(table).filter((name) => !provenance.includes(name));
    // A monthly older than the last logged release must not remove what that release brought.
    const data = type === 0 ? 's.data_release' : `COALESCE(s.data_release, ${releaseId})`;
    const deactivation = `IF(${isDeactivated('s')}, COALESCE(s.deactivation_release, ${releaseId}), s.deactivation_release)`;
    return {
      what: 'write the remaining rows to the table of their entity type',
      sql: `INSERT INTO ${table.shadow} (${list(names)}, ${list(provenance)})
SELECT ${list(names, 's')}, ${data}, ${deactivation} FROM ${stage} s
WHERE s.entity_type_code = '${type === 0 ? '' : type}' ORDER BY s.npi`,
      counts: counts[type],
    };
  });
}

/** Rule 8 of the contract. Deactivated providers are in no search table (rule 5). */
function searchStatements(
  { schemas }: AdoptPlan,
  { fromNpi, toNpi }: Bounds,
  letters: readonly string[],
): RangeStatement[] {
  const { stage, search } = adoptionTables(schemas);
  return (['surgeon', 'facility'] as const).flatMap((kind): RangeStatement[] => {
    const { columns, values } = searchedAs(kind, 's', 'n');
    const [type, counts] = kind === 'surgeon' ? ([1, 'surgeons'] as const) : ([2, 'facilities'] as const);
    const name = `o.${nameOf[kind]}`;
    return [
      {
        what: `write all ${counts} to search_${kind}_all`,
        sql: `INSERT INTO ${search(kind, 'all')} (npi, ${columns.join(', ')}) SELECT s.npi, ${values.join(', ')}
FROM ${stage} s WHERE s.entity_type_code = '${type}' AND NOT ${isDeactivated('s')} ORDER BY s.npi`,
        counts,
      },
      ...letters.map((to) => ({
        what: `write those of the letter ${to} to search_${kind}_${to}`,
        sql: `INSERT INTO ${search(kind, to)} SELECT o.* FROM ${search(kind, 'all')} o
LEFT JOIN ${schemas.scheduler}.search_letter n ON ${hasLetter(name, 'n')}
WHERE o.npi BETWEEN ${fromNpi} AND ${toNpi} AND ${letter(name, 'n')} = '${to}'`,
      })),
    ];
  });
}
