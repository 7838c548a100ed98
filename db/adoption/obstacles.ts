import { scanKey } from './range.ts';
import { allTables, type AdoptedTable, type AdoptedTables } from './tables.ts';
import { emptiedData } from '../registry/emptied.ts';
import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/**
 * What prevents an adoption: one sentence each, with what to do. Empty for nearly every database. Changes nothing.
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
    ...(await withoutRows(session, schemas)),
  ];
}

/** @throws DbError AdoptionRefused naming every obstacle */
export function refuseObstacles(obstacles: readonly string[]): void {
  if (obstacles.length > 0) throw new DbError('AdoptionRefused', obstacles.join(' '));
}

function withoutKey({ original }: AdoptedTable): string {
  return `${original} has no key that starts with npi. Run \`CREATE INDEX idx_npi ON ${original} (npi)\`.`;
}

/** The adoption makes npi the primary key, and a table can have only one. */
function otherPrimary({ original, found: { primary, columns } }: AdoptedTable): string[] {
  if (!columns.some(({ name }) => name === 'npi'))
    return [`${original} has no column npi. Add it as a BIGINT.`];
  return primary.length === 0 || primary.join() === 'npi'
    ? []
    : [
        `${original} has the primary key (${primary.join(', ')}). Drop it: the adoption makes npi the primary key.`,
      ];
}

/** Columns that would make every insert of a load fail. */
function oddColumns({ original, found: { columns } }: AdoptedTable): string[] {
  return columns.flatMap(({ name, definition, isGenerated }) => {
    if (name === 'npi' && !/^bigint/i.test(definition))
      return [`${original}.npi is not a BIGINT. Convert it: the application reads numbers.`];
    if (/ AUTO_INCREMENT/i.test(definition))
      return [`${original}.${name} is AUTO_INCREMENT. Drop the column: npi becomes the key.`];
    const isNeeded = / NOT NULL/i.test(definition) && !/ DEFAULT /i.test(definition) && !isGenerated;
    return isNeeded && name !== 'npi'
      ? [`${original}.${name} is NOT NULL without a default. Add a default.`]
      : [];
  });
}

/** Search tables are rebuilt from the providers, which have no values for columns that somebody has added. */
function unfilledColumns({ original, found: { columns }, ours }: AdoptedTable): string[] {
  const hasDefault = (definition: string) => / DEFAULT (?!NULL)/i.test(definition);
  return columns
    .filter(({ name, definition, isGenerated }) => !ours.has(name) && !isGenerated && !hasDefault(definition))
    .map(
      ({ name }) =>
        `${original}.${name} is not a column of a search table, so the adoption would lose its values. Drop it.`,
    );
}

/** An adoption rebuilds the search tables from the providers, so an emptied table would empty its search tables too. */
async function withoutRows(session: Session, schemas: Schemas): Promise<string[]> {
  try {
    const emptied = await emptiedData(session, schemas);
    return emptied.map(
      (place) =>
        `${place} is empty although published releases have rows for it. Run \`surgicase npi rebuild --from-archive\` instead.`,
    );
  } catch (error) {
    // Without a ledger nothing is published.
    if (error instanceof DbError && error.code === 'DatabaseNotReady') return [];
    throw error;
  }
}

/** A release is published in one transaction, and only InnoDB has transactions. */
async function withoutTransactions(session: Session, tables: AdoptedTables): Promise<string[]> {
  const found = await session.query<{ place: string; engine: string }>(
    `SELECT CONCAT(table_schema, '.', table_name) AS place, engine AS engine FROM information_schema.tables
     WHERE CONCAT(table_schema, '.', table_name) IN (?) AND engine <> 'InnoDB'`,
    [allTables(tables).map(({ original }) => original)],
  );
  return found.map(
    ({ place, engine }) => `${place} uses the engine ${engine}. Run \`ALTER TABLE ${place} ENGINE=InnoDB\`.`,
  );
}

/** Triggers and foreign keys would stay with the originals. MySQL cannot move a table with a trigger to another schema. */
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
    .map(({ place, what }) => `${place} has the ${what}, which the new table cannot keep. Drop it.`);
}
