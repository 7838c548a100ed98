import { is } from 'drizzle-orm';
import {
  getTableConfig,
  MySqlChar,
  MySqlVarChar,
  type MySqlColumn,
  type MySqlTable,
} from 'drizzle-orm/mysql-core';
import { collationsOf } from '../connection/collation.ts';
import { npiColumns } from './npi-columns.ts';
import { facilityTable, ownTables, searchLogTable, surgeonTable, updateLogTable } from './schema.ts';
import type { Session } from '../connection/session.ts';
import { filledReferences, liveReference, searchLetters, type Schemas } from './tables.ts';

interface ColumnFound {
  readonly place: string;
  readonly name: string;
  readonly width: number | null;
  /** Null unless the column is a text. */
  readonly collation: string | null;
  readonly isKey: 0 | 1;
}

/** What a job needs from a table; `maxLength` in characters. */
export interface WantedTable {
  readonly place: string;
  readonly columns: ReadonlyArray<{ readonly name: string; readonly maxLength?: number | undefined }>;
  /** The primary key is `npi`: a publish finds and replaces rows by it. */
  readonly isKeyedByNpi: boolean;
}

/**
 * What prevents a load: one fault each, empty when the database is ready. Changes nothing.
 * Checks tables, the primary key on `npi`, the collation, column widths and the provenance columns.
 */
export async function loadObstacles(session: Session, schemas: Schemas): Promise<string[]> {
  return [...(await serverObstacles(session)), ...(await loadTableObstacles(session, schemas))];
}

/** What the tables of a load lack: one fault each. */
export function loadTableObstacles(session: Session, schemas: Schemas): Promise<string[]> {
  return tableObstacles(session, schemas, [...npiTables(schemas), ...serviceTables(schemas)]);
}

const leastPacketBytes = 1 << 20;
const leastConnections = 8;

/** Settings of the server that prevent every job and that a session cannot change: one fault each. */
export async function serverObstacles(session: Session): Promise<string[]> {
  const found = await session.query<{ Variable_name: string; Value: string }>(
    `SHOW SESSION VARIABLES WHERE Variable_name IN ('max_allowed_packet', 'max_user_connections', 'binlog_format', 'log_bin')`,
  );
  const value = Object.fromEntries(found.map((row) => [row.Variable_name, row.Value]));
  const packetBytes = Number(value['max_allowed_packet']);
  const connections = Number(value['max_user_connections']);
  const isByStatement = value['binlog_format'] === 'STATEMENT' && value['log_bin'] === 'ON';
  return [
    ...(packetBytes < leastPacketBytes
      ? [`max_allowed_packet is ${packetBytes}; set it to at least ${leastPacketBytes}`]
      : []),
    ...(connections > 0 && connections < leastConnections
      ? [`this login may have only ${connections} connections; allow at least ${leastConnections}`]
      : []),
    ...(isByStatement ? ['binlog_format is STATEMENT; set it to ROW or MIXED'] : []),
  ];
}

/** What the tables lack: one fault each, empty when nothing is missing. */
export async function tableObstacles(
  session: Session,
  schemas: Schemas,
  wanted: readonly WantedTable[],
): Promise<string[]> {
  const found = await session.query<ColumnFound>(
    `SELECT CONCAT(table_schema, '.', table_name) AS place, column_name AS name,
       character_maximum_length AS width, collation_name AS collation, column_key = 'PRI' AS isKey
     FROM information_schema.columns WHERE table_schema IN (?, ?, ?)`,
    [schemas.application, schemas.search, schemas.scheduler],
  );
  const tables = groupByPlace(found);
  const missing = wanted.filter(({ place }) => !tables.has(place));
  const present = wanted.filter(({ place }) => tables.has(place));
  const unkeyed = present.filter(
    ({ place, isKeyedByNpi }) => isKeyedByNpi && !isKeyedByNpiOnly(tables.get(place) ?? []),
  );
  const { nearest } = await collationsOf(session);
  const isForeign = ({ collation }: ColumnFound) => collation !== null && collation !== nearest;
  // Statements compare texts across these tables, and a narrower character set lacks letters that CMS uses.
  const foreign = present.filter(
    ({ place, isKeyedByNpi }) => isKeyedByNpi && (tables.get(place) ?? []).some(isForeign),
  );
  const places = (list: readonly WantedTable[]) => list.map(({ place }) => place).join(', ');
  return [
    ...(missing.length > 0 ? [`missing tables: ${places(missing)}`] : []),
    ...(unkeyed.length > 0 ? [`no primary key on npi: ${places(unkeyed)}`] : []),
    ...(foreign.length > 0 ? [`text columns whose collation is not ${nearest}: ${places(foreign)}`] : []),
    ...present.flatMap((table) => columnObstacles(table, tables.get(table.place) ?? [])),
  ];
}

/** The same for the NPI and search tables alone. */
export function registryObstacles(session: Session, schemas: Schemas): Promise<string[]> {
  return tableObstacles(
    session,
    schemas,
    npiTables(schemas).filter(({ isKeyedByNpi }) => isKeyedByNpi),
  );
}

function npiTables(schemas: Schemas): WantedTable[] {
  const { application, search, scheduler } = schemas;
  const provenance = [{ name: 'data_release' }, { name: 'deactivation_release' }];
  const data = [0, 1, 2].map((type) => ({
    place: `${application}.npi_data_${type}`,
    columns: [...npiColumns, ...provenance],
    isKeyedByNpi: true,
  }));
  // The widths of the application's logs are not documented, and the values written there are short.
  const logs = [updateLogTable(application), searchLogTable(application)].map((table) => {
    const { place, columns } = described(table, scheduler);
    return { place, columns: columns.map(({ name }) => ({ name })), isKeyedByNpi: false };
  });
  const searched = ['all', ...searchLetters]
    .flatMap((suffix) => [surgeonTable(search, suffix), facilityTable(search, suffix)])
    .map((table) => ({ ...described(table, scheduler), isKeyedByNpi: true }));
  const references = filledReferences(schemas).map((table) => ({
    place: liveReference(schemas, table),
    columns: [...table.columns, { name: 'row_no' }, { name: 'data_release' }],
    isKeyedByNpi: false,
  }));
  return [...data, ...references, ...logs, ...searched];
}

/** This service's own tables. */
export function serviceTables({ scheduler }: Schemas): WantedTable[] {
  return ownTables.map((table) => ({ ...described(table, scheduler), isKeyedByNpi: false }));
}

/** `defaultSchema` applies to tables without a schema. */
function described(table: MySqlTable, defaultSchema: string): Omit<WantedTable, 'isKeyedByNpi'> {
  const { schema = defaultSchema, name, columns } = getTableConfig(table);
  const width = (column: MySqlColumn) =>
    is(column, MySqlVarChar) || is(column, MySqlChar) ? column.length : undefined;
  return {
    place: `${schema}.${name}`,
    columns: columns.map((column) => ({ name: column.name, maxLength: width(column) })),
  };
}

function isKeyedByNpiOnly(columns: readonly ColumnFound[]): boolean {
  const key = columns.filter(({ isKey }) => isKey);
  return key.length === 1 && key[0]?.name === 'npi';
}

function columnObstacles({ place, columns }: WantedTable, found: readonly ColumnFound[]): string[] {
  const byName = new Map(found.map((column) => [column.name, column]));
  const absent = columns.filter(({ name }) => !byName.has(name));
  const narrow = columns.filter(
    ({ name, maxLength = 0 }) => (byName.get(name)?.width ?? maxLength) < maxLength,
  );
  const names = (list: WantedTable['columns']) => list.map(({ name }) => name).join(', ');
  return [
    ...(absent.length > 0 ? [`${place} lacks ${names(absent)}`] : []),
    ...(narrow.length > 0 ? [`${place} has columns that are too narrow: ${names(narrow)}`] : []),
  ];
}

/** Replaces Map.groupBy, which needs Node 21. */
function groupByPlace(found: readonly ColumnFound[]): Map<string, ColumnFound[]> {
  const tables = new Map<string, ColumnFound[]>();
  for (const column of found) {
    const known = tables.get(column.place);
    if (known) known.push(column);
    else tables.set(column.place, [column]);
  }
  return tables;
}
