import { scanKey } from './adopt-range.ts';
import { allTables, type AdoptedTable, type AdoptedTables } from './adopt-tables.ts';
import { DbError } from './errors.ts';
import type { Session } from './session.ts';
import type { Schemas } from './tables.ts';

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
    ...(await attached(session, schemas, tables)),
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
