import type { CarryScope } from './carry-over.ts';
import { collationsOf } from '../connection/collation.ts';
import { isSameRow } from '../registry/classify.ts';
import type { Session } from '../connection/session.ts';
import { imageOf, versionColumns } from '../registry/versions.ts';

const types = [0, 1, 2] as const;

/**
 * Records what the monthly changes in a range: the live rows that differ from the shadow's or are not there, and the
 * `inserted` providers that are new. Leaves out the providers that later releases brought (later.ts). Call it when the shadow
 * has the rows that stay.
 */
export async function recordDifferences(
  session: Session,
  scope: CarryScope,
  { inserted }: { readonly inserted: number },
): Promise<void> {
  const { exact } = await collationsOf(session);
  for (const type of types) await recordReplaced(session, scope, type, exact);
  // Most ranges have none: the weeks brought them.
  if (inserted === 0) return;
  for (const type of types) await recordNew(session, scope, type);
}

function isOfRange(row: string, { shadow, range, later }: CarryScope): string {
  const isInRange = `${row}.npi >= ${range.from} AND ${row}.npi < ${range.to}`;
  if (later === 'none') return isInRange;
  return `${isInRange}
   AND NOT EXISTS (SELECT 1 FROM ${shadow.stage}_known p WHERE p.npi = ${row}.npi AND p.fate = 'later')`;
}

async function recordReplaced(
  session: Session,
  scope: CarryScope,
  type: 0 | 1 | 2,
  exactCollation: string,
): Promise<void> {
  const { live, shadow, releaseId } = scope;
  await session.query(
    `INSERT INTO ${shadow.stage}_version (${versionColumns})
     SELECT STRAIGHT_JOIN k.npi, ${releaseId}, 'changed', NULL, ${type}, ${imageOf('k')}
     FROM ${live.data(type)} k LEFT JOIN ${shadow.tables.data(type)} m ON m.npi = k.npi
     WHERE ${isOfRange('k', scope)} AND (m.npi IS NULL OR NOT (${isSameRow('k', 'm', exactCollation)}))`,
    [],
    `recording what changes in a range of ${live.data(type)}`,
  );
}

/** The table of the row's type is read first, and the others only when it is not there. */
async function recordNew(session: Session, scope: CarryScope, type: 0 | 1 | 2): Promise<void> {
  const { live, shadow, releaseId } = scope;
  const [second, third] = types.filter((other) => other !== type) as [0 | 1 | 2, 0 | 1 | 2];
  await session.query(
    `INSERT INTO ${shadow.stage}_version (npi, release_id, kind)
     SELECT STRAIGHT_JOIN m.npi, ${releaseId}, 'changed' FROM ${shadow.tables.data(type)} m
       LEFT JOIN ${live.data(type)} k ON k.npi = m.npi
       LEFT JOIN ${live.data(second)} o ON o.npi = IF(k.npi IS NULL, m.npi, NULL)
       LEFT JOIN ${live.data(third)} z ON z.npi = IF(k.npi IS NULL AND o.npi IS NULL, m.npi, NULL)
     WHERE ${isOfRange('m', scope)} AND k.npi IS NULL AND o.npi IS NULL AND z.npi IS NULL`,
  );
}
