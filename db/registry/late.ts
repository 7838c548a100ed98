import { classify } from './classify.ts';
import { releasesAfter } from '../ledger/releases.ts';
import { valueNames, valuesOf } from '../schema/npi-columns.ts';
import { planGroups } from './plan.ts';
import { writePlan } from './providers.ts';
import type { PublishScope } from './publish-scope.ts';
import { pinned, pinRows, restore } from './restore.ts';
import { recordVersions } from './versions.ts';
import type { Session } from '../connection/session.ts';
import type { NpiTables } from '../schema/tables.ts';

// A release that arrives late: take the later releases back for the providers that it brings, publish it, and publish the
// later releases again for them. So the rules compare a row only with what the releases before it left, in any order of
// arrival.

/**
 * Pins the live rows of providers, and takes the later releases back for them. `npis` is a query with the column npi.
 * `tables` become what the releases up to this one left.
 */
export async function takeBackLater(
  session: Session,
  scope: PublishScope,
  { npis, live }: { readonly npis: string; readonly live: NpiTables },
): Promise<void> {
  await session.query(`DELETE FROM ${scope.stage}_later`);
  await pinRows(session, { tables: live, versions: scope.versions }, npis);
  await keepLater(session, scope);
  await restore(session, scope, { pin: pinned, after: scope.releaseId });
  await keepDeactivations(session, scope);
  await session.query(
    `DELETE v FROM ${scope.versions} t STRAIGHT_JOIN ${scope.versions} v ON v.npi = t.npi
     WHERE t.release_id = ${pinned} AND v.release_id > ? AND v.release_id < ${pinned}`,
    [scope.releaseId],
  );
}

/** The values of a stub with this deactivation date, in the order of `valueNames`. */
const stubOf = (date: string) =>
  valueNames.map((name) => (name === 'npi_deactivation_date' ? date : "''")).join(', ');

/**
 * Collects in `<stage>_later` what the later releases brought for the pinned providers: their stubs, their rows that were
 * stale, and the rows that got into the tables. Of the last ones the next version, or the pin, has the row.
 */
async function keepLater(session: Session, { versions, stage, releaseId }: PublishScope): Promise<void> {
  const later = `FROM ${versions} t STRAIGHT_JOIN ${versions} v ON v.npi = t.npi
     AND v.release_id > ${releaseId} AND v.release_id < ${pinned}`;
  const into = `INSERT INTO ${stage}_later (release_id, npi, ${valueNames.join(', ')})`;
  await session.query(
    `${into} SELECT v.release_id, v.npi, ${stubOf('v.stub_date')}
     ${later} WHERE t.release_id = ${pinned} AND v.stub_date IS NOT NULL`,
  );
  await session.query(
    `${into} SELECT v.release_id, v.npi, ${valuesOf('v')}
     ${later} WHERE t.release_id = ${pinned} AND v.stub_date IS NULL AND v.kind = 'stale'`,
  );
  await session.query(
    `${into} SELECT v.release_id, v.npi, ${valuesOf('i')}
     ${later} STRAIGHT_JOIN ${versions} i ON i.npi = v.npi AND i.release_id = (SELECT MIN(n.release_id) FROM ${versions} n
       WHERE n.npi = v.npi AND n.release_id > v.release_id AND n.kind = 'changed')
     WHERE t.release_id = ${pinned} AND v.stub_date IS NULL AND v.kind <> 'stale' AND i.place IS NOT NULL`,
  );
}

/**
 * Collects later deactivations that only the rows tell: where the history does not reach back, the restored row can have one,
 * and the version of its release may be deleted. Without it, a full row of the late release would activate the provider.
 */
async function keepDeactivations(session: Session, scope: PublishScope): Promise<void> {
  const { tables, versions, stage, releaseId } = scope;
  for (const type of [0, 1, 2] as const) {
    await session.query(
      `INSERT INTO ${stage}_later (release_id, npi, ${valueNames.join(', ')})
       SELECT k.deactivation_release, k.npi, ${stubOf('k.npi_deactivation_date')}
       FROM ${versions} t STRAIGHT_JOIN ${tables.data(type)} k ON k.npi = t.npi
       WHERE t.release_id = ${pinned} AND k.deactivation_release > ? AND NOT EXISTS (
         SELECT 1 FROM ${versions} v WHERE v.npi = k.npi AND v.release_id = k.deactivation_release)`,
      [releaseId],
    );
  }
}

/** Publishes the later releases again for the pinned providers. The pins stay; `unpin` removes them. */
export async function publishLaterAgain(session: Session, scope: PublishScope): Promise<void> {
  const { stage } = scope;
  for (const { releaseId, kind } of await releasesAfter(session, scope.releaseId)) {
    await session.query(`DELETE FROM ${stage}`);
    await session.query(
      `INSERT INTO ${stage} (row_no, npi, ${valueNames.join(', ')})
       SELECT 0, l.npi, ${valuesOf('l')} FROM ${stage}_later l WHERE l.release_id = ?`,
      [releaseId],
    );
    await publishAgain(session, { ...scope, releaseId, isReport: kind === 'deactivation' });
  }
}

async function publishAgain(session: Session, scope: PublishScope): Promise<void> {
  await classify(session, scope);
  const groups = await planGroups(session, scope);
  await recordVersions(session, scope, groups);
  await writePlan(session, scope, groups);
}
