import { timestampColumn } from './status.ts';
import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import { serverObstacles, serviceTables, tableObstacles } from '../schema/ready.ts';
import type { Schemas } from '../schema/tables.ts';

/**
 * Checks, before anything moves, that cases can be moved to a status. An undo has no target status: it moves each case
 * back to its own.
 * @throws DbError CasesNotReady naming everything that is missing; DatabaseRefused naming a missing privilege
 */
export async function refuseUnreadyCases(
  session: Session,
  schemas: Schemas,
  target: number | undefined,
): Promise<void> {
  const column = target === undefined ? undefined : timestampColumn(target);
  const server = await serverObstacles(session);
  // On a server that refuses every write, testing the privileges would find the wrong fault.
  const found =
    server.length > 0 ? server : await caseObstacles(session, schemas, column === undefined ? [] : [column]);
  if (found.length > 0) throw new DbError('CasesNotReady', `Cases cannot be moved: ${found.join('; ')}.`);
}

/**
 * What prevents case updates that set `timestampColumns`. Of the application they need only `cases`, with the columns
 * that they read and write. An update that matches no row tests the privileges.
 * @throws DbError DatabaseRefused naming a missing privilege
 */
export async function caseObstacles(
  session: Session,
  schemas: Schemas,
  timestampColumns: readonly string[],
): Promise<string[]> {
  const columns = ['case_id', 'active', 'case_status', ...timestampColumns];
  const place = `${schemas.application}.cases`;
  const cases = { place, columns: columns.map((name) => ({ name })), isKeyedByNpi: false };
  const found = await tableObstacles(session, schemas, [cases, ...serviceTables(schemas)]);
  if (found.length === 0) await tryUpdate(session, schemas, timestampColumns);
  return found;
}

/**
 * Writes the columns of a case update without matching a row.
 * @throws DbError DatabaseNotReady or DatabaseRefused when a column or a privilege is missing
 */
export async function tryUpdate(
  session: Session,
  { application }: Schemas,
  timestampColumns: readonly string[],
): Promise<void> {
  const written = ['case_status', ...timestampColumns].map((name) => `${name} = ${name}`).join(', ');
  await session.run(
    `UPDATE ${application}.cases SET ${written} WHERE case_id IS NULL AND active IS NULL`,
    [],
    'testing the privileges on cases',
  );
}
