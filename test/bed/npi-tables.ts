import { npiColumns } from '../../db/schema/npi-columns.ts';
import { searchColumns, searchLetters } from '../../db/schema/tables.ts';
import { providerLine, type Lines } from '../models/npi-model.ts';
import type { Pipeline } from './pipeline.ts';

type Row = Readonly<Record<string, string | null>>;

/** The content of a pipeline's tables, as lines in the model's format. */
export async function linesOf(name: string, { query }: Pipeline): Promise<Lines> {
  const lines = new Map<string, string>();
  for (const type of [0, 1, 2]) {
    const columns = npiColumns.map(
      (column) => `COALESCE(CAST(${column.name} AS CHAR), '') AS ${column.name}`,
    );
    const releases = ['data_release', 'deactivation_release'].map(
      (column) => `COALESCE(CAST(${column} AS CHAR), '') AS ${column}`,
    );
    const rows = await query<Row>(
      `SELECT ${[...columns, ...releases].join(', ')} FROM ${name}_app.npi_data_${type}`,
    );
    for (const row of rows) {
      const fields = fieldsOf(row);
      const [data, deactivation] = [row['data_release'] ?? '', row['deactivation_release'] ?? ''];
      lines.set(`npi_data_${type} ${row['npi']}`, providerLine(fields, { data, deactivation }));
    }
  }
  for (const { place, line } of await query<{ place: string; line: string }>(otherLines(name)))
    lines.set(place, JSON.stringify(line));
  return lines;
}

/**
 * A statement that selects `place` and `line` of every search row, every open refused row and every row of the update
 * log.
 */
function otherLines(name: string): string {
  const search = (['surgeon', 'facility'] as const).flatMap((kind) =>
    ['all', ...searchLetters].map((suffix) => {
      const table = `search_${kind}_${suffix}`;
      const columns = searchColumns[kind].map((column) => `COALESCE(${column.name}, '')`);
      return `SELECT CONCAT('${table} ', npi) AS place, JSON_ARRAY(${columns.join(', ')}) AS line FROM ${name}_search.${table}`;
    }),
  );
  return [
    ...search,
    `SELECT CONCAT('npi_quarantine ', release_id, ' ', row_no), JSON_ARRAY(reason)
     FROM ${name}_own.npi_quarantine WHERE cleared_by IS NULL`,
    `SELECT CONCAT('npi_update_log ', filename_processed),
       JSON_ARRAY(total_rows, total_0_rows, total_1_rows, total_2_rows) FROM ${name}_app.npi_update_log`,
  ].join(' UNION ALL ');
}

/** What the history view has of the providers after a release, as lines in the model's format without releases. */
export async function providersAfter(name: string, releaseId: number, { query }: Pipeline): Promise<Lines> {
  const columns = npiColumns.map((column) => `COALESCE(CAST(${column.name} AS CHAR), '') AS ${column.name}`);
  const rows = await query<Row>(
    `SELECT place, ${columns.join(', ')} FROM ${name}_own.npi_provider_history
     WHERE COALESCE(from_release, 0) <= ${releaseId} AND COALESCE(until_release, ${releaseId} + 1) > ${releaseId}`,
  );
  return new Map(
    rows.map((row) => [`npi_data_${row['place']} ${row['npi']}`, providerLine(fieldsOf(row), {})]),
  );
}

const fieldsOf = (row: Row) =>
  Object.fromEntries(npiColumns.map((column) => [column.header, row[column.name] ?? '']));

/** The same without the versions of the releases: a zip that is loaded again is a new version. */
export async function linesOfAnyVersion(name: string, pipeline: Pipeline): Promise<Lines> {
  const lines = await linesOf(name, pipeline);
  const withoutVersion = (text: string) => text.replaceAll(/\b(2026\d{5}00)\d\b/g, '$1');
  return new Map([...lines].map(([place, line]) => [withoutVersion(place), withoutVersion(line)]));
}

/** The first few lines that differ, for a readable failure. */
export function differences(found: Lines, expected: Lines): string[] {
  const places = [...new Set([...expected.keys(), ...found.keys()])].sort();
  return places
    .filter((place) => found.get(place) !== expected.get(place))
    .slice(0, 8)
    .map(
      (place) => `${place}: found ${found.get(place) ?? 'nothing'}, not ${expected.get(place) ?? 'nothing'}`,
    );
}
