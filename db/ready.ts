import { npiColumns } from './npi-columns.ts';
import type { Session } from './session.ts';
import { applicationTables, type Schemas } from './tables.ts';

interface ColumnFound {
  readonly place: string;
  readonly name: string;
  readonly width: number | null;
  readonly keyKind: string;
}

/**
 * What keeps the database from taking a load: one sentence each, empty when it is ready. Nothing is changed.
 * Tables, the primary key on `npi`, columns at least as wide as what is loaded, and the provenance columns.
 */
export async function loadObstacles(session: Session, schemas: Schemas): Promise<string[]> {
  const found = await session.query<ColumnFound>(
    `SELECT CONCAT(table_schema, '.', table_name) AS place, column_name AS name,
       character_maximum_length AS width, column_key AS keyKind
     FROM information_schema.columns WHERE table_schema IN (?, ?, ?)`,
    [schemas.application, schemas.search, schemas.scheduler],
  );
  const tables = groupByPlace(found);
  const expected = [
    ...applicationTables(schemas, '').map(({ schema, name }) => `${schema}.${name}`),
    ...['lease', 'run', 'npi_release', 'npi_checkpoint', 'npi_stub', 'npi_quarantine', 'search_letter'].map(
      (name) => `${schemas.scheduler}.${name}`,
    ),
  ];
  const missing = expected.filter((place) => !tables.has(place));
  const data = [0, 1, 2].map((type) => `${schemas.application}.npi_data_${type}`);
  return [
    ...(missing.length > 0 ? [`missing tables: ${missing.join(', ')}`] : []),
    ...data.flatMap((place) => columnObstacles(place, tables.get(place) ?? [])),
  ];
}

function columnObstacles(place: string, columns: readonly ColumnFound[]): string[] {
  if (columns.length === 0) return [];
  const byName = new Map(columns.map((column) => [column.name, column]));
  const names = [...npiColumns.map(({ name }) => name), 'data_release', 'deactivation_release'];
  const absent = names.filter((name) => !byName.has(name));
  const narrow = npiColumns.filter(
    ({ name, maxLength = 0 }) => (byName.get(name)?.width ?? maxLength) < maxLength,
  );
  return [
    ...(byName.get('npi')?.keyKind === 'PRI' ? [] : [`${place} has no primary key on npi`]),
    ...(absent.length > 0 ? [`${place} lacks ${absent.join(', ')}`] : []),
    ...(narrow.length > 0 ? [`${place} is too narrow in ${narrow.map(({ name }) => name).join(', ')}`] : []),
  ];
}

/** Map.groupBy needs Node 21. */
function groupByPlace(found: readonly ColumnFound[]): Map<string, ColumnFound[]> {
  const tables = new Map<string, ColumnFound[]>();
  for (const column of found) {
    const known = tables.get(column.place);
    if (known) known.push(column);
    else tables.set(column.place, [column]);
  }
  return tables;
}
