import { adoptionTables, type AdoptedTable, type AdoptedTables } from './tables.ts';
import type { Statement } from './plan.ts';
import { hasTenDigits, refusalOf, type RefusalWords } from './refusals.ts';
import { dateKey, isDeactivated } from '../registry/dates.ts';
import { npiColumns } from '../schema/npi-columns.ts';
import type { AdoptedCounts } from '../schema/ledger-json.ts';
import { searchedAs } from '../registry/search.ts';
import { searchLetters, type Schemas } from '../schema/tables.ts';

/** A range of NPIs. The first range also has the rows without an NPI. A dry run uses placeholders such as `<from>`. */
export interface Bounds {
  readonly number: number | string;
  readonly from: string;
  readonly to: string;
}

/** A statement, and the count that its rows belong to. */
export interface RangeStatement extends Statement {
  readonly counts?: Exclude<keyof AdoptedCounts, 'filled'>;
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
const provenance: ReadonlySet<string> = new Set(['data_release', 'deactivation_release']);
const loaded = new Set(npiColumns.map(({ name }) => name));
/** The columns that the original stores and those that a load fills. The shadow has both. */
const written = ({ found }: AdoptedTable) => {
  const stored = found.columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name);
  return Array.from(new Set([...stored, ...loaded]));
};
const list = (names: readonly string[], row?: string) =>
  names.map((name) => (row === undefined ? `\`${name}\`` : `${row}.\`${name}\``)).join(', ');

/** The key for scanning a table: the shortest one that starts with `npi`. It returns equal NPIs in table order. */
export function scanKey({ found }: AdoptedTable): string | undefined {
  if (found.primary[0] === 'npi') return 'PRIMARY';
  const keys = found.keys.filter(({ columns }) => columns[0] === 'npi');
  return keys.sort((a, b) => a.columns.length - b.columns.length)[0]?.name;
}

/** `schema.table k` with the rows of a range, scanned by its key. */
export function rowsOf(table: AdoptedTable, { number, from, to }: Bounds): string {
  // Rows without an NPI come first in the key.
  const unnumbered = number === 0 ? ' OR k.npi IS NULL' : '';
  return `${table.original} k FORCE INDEX (\`${scanKey(table)}\`) WHERE (k.npi BETWEEN ${from} AND ${to}${unnumbered})`;
}

/** The statements that read a range into the empty stage, and write the remaining rows into the shadows. */
export function rangeStatements(
  plan: AdoptPlan,
  bounds: Bounds,
  letters: readonly string[] = searchLetters,
): RangeStatement[] {
  return [
    ...readStatements(plan, bounds),
    ...refuseStatements(plan, bounds),
    ...chooseStatements(plan),
    ...writeStatements(plan),
    ...searchStatements(plan, letters),
  ];
}

function readStatements({ schemas, tables }: AdoptPlan, bounds: Bounds): RangeStatement[] {
  const { stage } = adoptionTables(schemas);
  return tables.data.map((table): RangeStatement => {
    const present = new Set(table.found.columns.map(({ name }) => name));
    const names = written(table);
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

function refuseStatements({ schemas, words }: AdoptPlan, { number }: Bounds): RangeStatement[] {
  const { stage } = adoptionTables(schemas);
  const reason = refusalOf('s', words);
  return [
    {
      what: 'collect the rows that are not valid providers, with the reason; npi_quarantine keeps them',
      sql: `INSERT INTO ${stage}_refused (range_no, line_no, npi, reason)
SELECT ${number}, 0, IF(${hasTenDigits('s')}, s.npi, NULL), ${reason} FROM ${stage} s WHERE ${reason} IS NOT NULL ORDER BY s.row_no`,
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
  FROM (SELECT npi FROM ${stage} GROUP BY npi HAVING COUNT(*) > 1) twice STRAIGHT_JOIN ${stage} s ON s.npi = twice.npi ${among}
) ranked STRAIGHT_JOIN ${stage} s ON s.npi = ranked.npi AND s.row_no = ranked.row_no WHERE ranked.place > 1`,
    counts: 'duplicates',
  };
}

function writeStatements({ schemas, tables, releaseId }: AdoptPlan): RangeStatement[] {
  const { stage } = adoptionTables(schemas);
  const counts = ['stubs', 'individuals', 'organizations'] as const;
  return types.map((type): RangeStatement => {
    const table = tables.data[type];
    const names = written(table).filter((name) => !provenance.has(name));
    // A monthly older than the last logged release must not remove what that release brought.
    const data = type === 0 ? 's.data_release' : `COALESCE(s.data_release, ${releaseId})`;
    const deactivation = `IF(${isDeactivated('s')}, COALESCE(s.deactivation_release, ${releaseId}), s.deactivation_release)`;
    return {
      what: 'write the remaining rows to the table of their entity type',
      sql: `INSERT INTO ${table.shadow} (${list(names)}, data_release, deactivation_release)
SELECT ${list(names, 's')}, ${data}, ${deactivation} FROM ${stage} s
WHERE s.entity_type_code = '${type === 0 ? '' : type}' ORDER BY s.npi`,
      counts: counts[type],
    };
  });
}

/** Rule 8 of the contract. Deactivated providers are in no search table (rule 5). */
function searchStatements({ schemas }: AdoptPlan, letters: readonly string[]): RangeStatement[] {
  const { stage, search } = adoptionTables(schemas);
  return (['surgeon', 'facility'] as const).flatMap((kind): RangeStatement[] => {
    const { columns, values, suffix, joinsLetter } = searchedAs(kind, 's', 'n');
    const lines = (to: string) => `INSERT INTO ${search(kind, to)} (npi, ${columns.join(', ')})
SELECT npi, ${columns.join(', ')} FROM ${stage}_search WHERE kind = '${kind}'`;
    return [
      {
        what: `find the ${kind === 'surgeon' ? 'surgeons' : 'facilities'} and the letter of each`,
        sql: `INSERT INTO ${stage}_search (kind, suffix, npi, ${columns.join(', ')})
SELECT '${kind}', ${suffix}, s.npi, ${values.join(', ')} FROM ${stage} s
LEFT JOIN ${schemas.scheduler}.search_letter n ON ${joinsLetter}
WHERE s.entity_type_code = '${kind === 'surgeon' ? 1 : 2}' AND NOT ${isDeactivated('s')}`,
        counts: kind === 'surgeon' ? 'surgeons' : 'facilities',
      },
      {
        what: `write all ${kind === 'surgeon' ? 'surgeons' : 'facilities'} to search_${kind}_all`,
        sql: `${lines('all')} ORDER BY npi`,
      },
      ...letters.map((letter) => ({
        what: `write those of the letter ${letter} to search_${kind}_${letter}`,
        sql: `${lines(letter)} AND suffix = '${letter}' ORDER BY npi`,
      })),
    ];
  });
}
