import { inRange, type CarryScope } from './carry-over.ts';
import type { Session } from '../connection/session.ts';
import { imageOf, versionColumns } from '../registry/versions.ts';

const types = [0, 1, 2] as const;

/**
 * Records what the monthly changes in a range: the live rows that it replaces or removes, and the `inserted` providers that
 * are new. Leaves out the providers that later releases brought (later.ts). Call it after `carryOver`, which has compared the
 * rows.
 */
export async function recordDifferences(
  session: Session,
  scope: CarryScope,
  { inserted }: { readonly inserted: number },
): Promise<void> {
  for (const type of types) await recordReplaced(session, scope, type);
  // Most ranges have none: the weeks brought them.
  if (inserted === 0) return;
  for (const type of types) await recordNew(session, scope, type);
}

async function recordReplaced(session: Session, scope: CarryScope, type: 0 | 1 | 2): Promise<void> {
  const { live, shadow, releaseId } = scope;
  await session.query(
    `INSERT INTO ${shadow.stage}_version (${versionColumns})
     SELECT k.npi, ${releaseId}, 'changed', NULL, ${type}, ${imageOf('k')}
     FROM ${shadow.stage}_known p STRAIGHT_JOIN ${live.data(type)} k ON k.npi = p.npi
     WHERE p.fate IN ('changed', 'replace', 'remove', 'deactivate') AND ${inRange('p', scope)}`,
    [],
    `recording what changes in a range of ${live.data(type)}`,
  );
}

/** The table of the row's type is read first, and the others only when it is not there. */
async function recordNew(session: Session, scope: CarryScope, type: 0 | 1 | 2): Promise<void> {
  const { live, shadow, releaseId } = scope;
  const isNotLater =
    scope.later === 'none'
      ? ''
      : `AND NOT EXISTS (SELECT 1 FROM ${shadow.stage}_known p WHERE p.npi = m.npi AND p.fate = 'later')`;
  const [second, third] = types.filter((other) => other !== type) as [0 | 1 | 2, 0 | 1 | 2];
  await session.query(
    `INSERT INTO ${shadow.stage}_version (npi, release_id, kind)
     SELECT STRAIGHT_JOIN m.npi, ${releaseId}, 'changed' FROM ${shadow.tables.data(type)} m
       LEFT JOIN ${live.data(type)} k ON k.npi = m.npi
       LEFT JOIN ${live.data(second)} o ON o.npi = IF(k.npi IS NULL, m.npi, NULL)
       LEFT JOIN ${live.data(third)} z ON z.npi = IF(k.npi IS NULL AND o.npi IS NULL, m.npi, NULL)
     WHERE ${inRange('m', scope)} AND k.npi IS NULL AND o.npi IS NULL AND z.npi IS NULL ${isNotLater}`,
  );
}
