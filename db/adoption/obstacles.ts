import { scanKey } from './range.ts';
import { allTables, type AdoptedTable, type AdoptedTables } from './tables.ts';
import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/**
 * What an adoption cannot go over, one sentence each with what to do about it; empty for nearly every database. Nothing is
 * changed.
 */
export async function adoptionObstacles(
  session: Session,
  schemas: Schemas,
  tables: AdoptedTables,
): Promise<string[]> {
  return [
    ...tables.data.filter((table) => scanKey(table) === undefined).map(withoutKey),
    ...allTables(tables).flatMap(otherPrimary),
    ...allTables(tables).flatMap(oddColumns),
    ...tables.search.flatMap(unfilledColumns),
    ...(await attached(session, schemas, tables)),
    ...(await withoutTransactions(session, tables)),
  ];
}

/** @throws DbError AdoptionRefused naming every obstacle */
export function refuseObstacles(obstacles: readonly string[]): void {
  if (obstacles.length > 0) throw new DbError('AdoptionRefused', obstacles.join(' '));
}

function withoutKey({ original }: AdoptedTable): string {
  return `${original} has no key that begins with npi: run \`CREATE INDEX idx_npi ON ${original} (npi)\`.`;
}

/** npi becomes the primary key, and a table has only one. */
function otherPrimary({ original, found: { primary, columns } }: AdoptedTable): string[] {
  if (!columns.some(({ name }) => name === 'npi')) return [`${original} has no column npi.`];
  return primary.length === 0 || primary.join() === 'npi'
    ? []
    : [`${original} has the primary key (${primary.join(', ')}): drop it, npi becomes the primary key.`];
}

/** Columns with which no row of a load could be written. */
function oddColumns({ original, found: { columns } }: AdoptedTable): string[] {
  return columns.flatMap(({ name, definition, isGenerated }) => {
    if (name === 'npi' && !/^bigint/i.test(definition))
      return [`${original}.npi is no BIGINT: make it one, the application reads numbers.`];
    if (/ AUTO_INCREMENT/i.test(definition))
      return [`${original}.${name} counts by itself: drop the column, npi becomes the key.`];
    const isNeeded = / NOT NULL/i.test(definition) && !/ DEFAULT /i.test(definition) && !isGenerated;
    return isNeeded && name !== 'npi' ? [`${original}.${name} needs a value: give it a default.`] : [];
  });
}

/** Search tables are made anew from the providers, which know nothing of columns that somebody has added. */
function unfilledColumns({ original, found: { columns }, ours }: AdoptedTable): string[] {
  const hasDefault = (definition: string) => / DEFAULT (?!NULL)/i.test(definition);
  return columns
    .filter(({ name, definition, isGenerated }) => !ours.has(name) && !isGenerated && !hasDefault(definition))
    .map(
      ({ name }) =>
        `${original}.${name} is no column of a search table, and its values would be lost: drop it.`,
    );
}

/** A release is published in one transaction, which only InnoDB keeps. */
async function withoutTransactions(session: Session, tables: AdoptedTables): Promise<string[]> {
  const found = await session.query<{ place: string; engine: string }>(
    `SELECT CONCAT(table_schema, '.', table_name) AS place, engine AS engine FROM information_schema.tables
     WHERE CONCAT(table_schema, '.', table_name) IN (?) AND engine <> 'InnoDB'`,
    [allTables(tables).map(({ original }) => original)],
  );
  return found.map(
    ({ place, engine }) => `${place} is in ${engine}: run \`ALTER TABLE ${place} ENGINE=InnoDB\`.`,
  );
}

/** Triggers and foreign keys would go with the originals, and MySQL moves no table with a trigger into another schema. */
async function attached(session: Session, schemas: Schemas, tables: AdoptedTables): Promise<string[]> {
  const found = await session.query<{ place: string; what: string }>(
    `SELECT CONCAT(event_object_schema, '.', event_object_table) AS place, CONCAT('trigger ', trigger_name) AS what
     FROM information_schema.triggers WHERE event_object_schema IN (?, ?)
     UNION ALL SELECT CONCAT(constraint_schema, '.', table_name), CONCAT('foreign key ', constraint_name)
     FROM information_schema.referential_constraints WHERE constraint_schema IN (?, ?)
     UNION ALL SELECT CONCAT(unique_constraint_schema, '.', referenced_table_name), CONCAT('foreign key ', constraint_name)
     FROM information_schema.referential_constraints WHERE unique_constraint_schema IN (?, ?)`,
    [
      schemas.application,
      schemas.search,
      schemas.application,
      schemas.search,
      schemas.application,
      schemas.search,
    ],
  );
  const ours = new Set(allTables(tables).map(({ original }) => original));
  return found
    .filter(({ place }) => ours.has(place))
    .map(({ place, what }) => `${place} has the ${what}, which cannot come along: drop it.`);
}
