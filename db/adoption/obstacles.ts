import { scanKey } from './range.ts';
import { allTables, tablesIn, type AdoptedTable, type AdoptedTables } from './tables.ts';
import { emptiedData } from '../registry/emptied.ts';
import type { Session } from '../connection/session.ts';
import { generatedKey } from '../schema/table-shape.ts';
import { searchColumns, type Schemas } from '../schema/tables.ts';

/**
 * What prevents an adoption: one sentence each, with what to do. Empty for nearly every database. Changes nothing.
 */
export async function adoptionObstacles(
  session: Session,
  schemas: Schemas,
  tables: AdoptedTables,
): Promise<string[]> {
  return [
    ...tables.data.flatMap(oddColumns),
    ...(await recordedFacts(session, schemas, tables)),
    ...(await withoutRows(session, schemas)),
  ];
}

/** A table that cannot be read in the order of its NPIs, and columns that would make every insert of a load fail. */
function oddColumns(table: AdoptedTable): string[] {
  const { original, found } = table;
  const withoutKey = `${original} has no key on npi alone. Run \`CREATE INDEX idx_npi ON ${original} (npi)\`.`;
  const columns = found.columns.flatMap(({ name, definition, isGenerated }) => {
    if (name === 'npi' && !/^bigint/i.test(definition))
      return [`${original}.npi is not a BIGINT. Convert it: the application reads numbers.`];
    if (/ AUTO_INCREMENT/i.test(definition))
      return [`${original}.${name} is AUTO_INCREMENT. Drop the column: npi becomes the key.`];
    const isNeeded = / NOT NULL/i.test(definition) && !/ DEFAULT /i.test(definition) && !isGenerated;
    return isNeeded && name !== 'npi'
      ? [`${original}.${name} is NOT NULL without a default. Add a default.`]
      : [];
  });
  return scanKey(table) === undefined ? [withoutKey, ...columns] : columns;
}

/**
 * What the server records about the tables. Triggers and foreign keys would stay with the originals, and a column that
 * somebody has added to a search table would be lost, because search tables are created anew. A release is published in
 * one transaction, and only InnoDB has transactions.
 */
async function recordedFacts(
  session: Session,
  { search }: Schemas,
  tables: AdoptedTables,
): Promise<string[]> {
  const searched = Object.values(searchColumns).flatMap((columns) => columns.map(({ name }) => name));
  const found = await session.query<{ place: string; fact: string }>(
    `SELECT place, fact FROM (
       SELECT CONCAT(event_object_schema, '.', event_object_table) AS place, CONCAT('trigger ', trigger_name) AS fact
       FROM information_schema.triggers
       UNION ALL SELECT CONCAT(constraint_schema, '.', table_name), CONCAT('foreign key ', constraint_name)
       FROM information_schema.referential_constraints
       UNION ALL SELECT CONCAT(unique_constraint_schema, '.', referenced_table_name), CONCAT('foreign key ', constraint_name)
       FROM information_schema.referential_constraints
       UNION ALL SELECT CONCAT(table_schema, '.', table_name), CONCAT('engine ', engine)
       FROM information_schema.tables WHERE engine <> 'InnoDB'
       UNION ALL SELECT CONCAT(table_schema, '.', table_name), CONCAT('additional column ', column_name)
       FROM information_schema.columns WHERE table_schema = ? AND column_name NOT IN (?)
     ) facts WHERE place IN (?)`,
    [search, ['npi', generatedKey, ...searched], allTables(tables).map(({ original }) => original)],
  );
  return found.map(({ place, fact }) =>
    fact.startsWith('engine ')
      ? `${place} uses the ${fact}. Run \`ALTER TABLE ${place} ENGINE=InnoDB\`.`
      : `${place} has the ${fact}, which the new table cannot keep. Drop it.`,
  );
}

/** An adoption rebuilds the search tables from the providers, so an emptied table would empty its search tables too. */
async function withoutRows(session: Session, schemas: Schemas): Promise<string[]> {
  const hasLedger = (await tablesIn(session, [schemas.scheduler])).includes(
    `${schemas.scheduler}.npi_release`,
  );
  const emptied = hasLedger ? await emptiedData(session, schemas) : [];
  return emptied.map(
    (place) =>
      `${place} is empty although published releases have rows for it. Run \`surgicase npi rebuild --from-archive\` instead.`,
  );
}
