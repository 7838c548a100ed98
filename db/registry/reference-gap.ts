import { inArray } from 'drizzle-orm';
import type { Session } from '../connection/session.ts';
import { releaseTable } from '../schema/schema.ts';
import { filledReferences, type Schemas } from '../schema/tables.ts';

const advice = 'The next monthly fills them; `surgicase npi replace` loads one now.';

/**
 * Says which reference tables lack rows, because releases were loaded without them: before `NPI_REFERENCE_FILES` was on, or
 * from zips without the file. A monthly fills its tables, whatever came before it. Returns undefined when all rows are there
 * or the setting is off. The text changes only with another release.
 */
export async function referenceGap(session: Session, schemas: Schemas): Promise<string | undefined> {
  const tables = filledReferences(schemas).map(({ name }) => name);
  if (tables.length === 0) return undefined;
  const { releaseId, fileName, kind, published } = releaseTable;
  const files = await session.orm((db) =>
    db
      .select({ fileName, kind, published })
      .from(releaseTable)
      .where(inArray(kind, ['weekly', 'monthly']))
      .orderBy(releaseId),
  );
  const newestMonthly = files.findLastIndex((file) => file.kind === 'monthly');
  const lacking = files.slice(Math.max(newestMonthly, 0)).map((file) => ({
    fileName: file.fileName,
    tables: tables.filter((name) => !file.published.references?.some(({ table }) => table === name)),
  }));
  const found = lacking.filter((file) => file.tables.length > 0);
  const last = found.at(-1);
  if (last === undefined) return undefined;
  const names = tables.filter((name) => found.some((file) => file.tables.includes(name)));
  const others = found.length === 1 ? '' : ` and ${found.length - 1} more`;
  return (
    `Reference tables are incomplete (${names.join(', ')}): ${last.fileName}${others} ` +
    `${found.length === 1 ? 'was' : 'were'} loaded without them. ${advice}`
  );
}
