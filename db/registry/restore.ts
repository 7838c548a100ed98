import type { PublishScope } from './publish-scope.ts';
import { imageColumns, imageOf, versionColumns } from './versions.ts';
import { valueNames, valuesOf } from '../schema/npi-columns.ts';
import type { Session } from '../connection/session.ts';

/** The release ID of the versions that hold the live rows while releases are taken back. Higher than that of any release. */
export const pinned = 9_999_999_999_999;

type Tables = Pick<PublishScope, 'tables' | 'versions'>;
const types = [0, 1, 2] as const;

/** Keeps the live rows of providers as versions under the ID `pin`. `npis` is a query with the column npi. */
export async function pinRows(
  session: Session,
  { tables, versions }: Tables,
  npis: string,
  pin = pinned,
): Promise<void> {
  for (const type of types) {
    await session.query(
      `INSERT INTO ${versions} (${versionColumns})
       SELECT k.npi, ${pin}, 'changed', NULL, ${type}, ${imageOf('k')}
       FROM (${npis}) n STRAIGHT_JOIN ${tables.data(type)} k ON k.npi = n.npi`,
      [],
      `INSERT INTO ${versions} (pins)`,
    );
  }
  await session.query(
    `INSERT INTO ${versions} (npi, release_id, kind) SELECT n.npi, ${pin}, 'changed' FROM (${npis}) n
     ON DUPLICATE KEY UPDATE npi = n.npi`,
  );
}

/** Removes the pins. */
export async function unpin(session: Session, { versions }: Tables, pin = pinned): Promise<void> {
  await session.query(`DELETE FROM ${versions} WHERE release_id = ${pin}`);
}

/** SQL for the first version of a provider after a release that fulfills `are`. */
const firstAfter = (versions: string, npi: string, after: number, are: string) =>
  `(SELECT MIN(n.release_id) FROM ${versions} n WHERE n.npi = ${npi} AND n.release_id > ${after} AND n.${are})`;

/**
 * Gives the pinned providers the rows that they had after a release. The row is in the first `changed` version after it; its
 * releases are in the first version after it that was not stale. Columns of the application keep their values, unless the
 * provider changes its table.
 */
export async function restore(
  session: Session,
  { tables, versions }: Tables,
  { pin, after }: { readonly pin: number; readonly after: number },
): Promise<void> {
  const image = `FROM ${versions} t STRAIGHT_JOIN ${versions} i ON i.npi = t.npi
    AND i.release_id = ${firstAfter(versions, 't.npi', after, "kind = 'changed'")}`;
  for (const type of types) {
    await session.query(
      `DELETE k ${image} STRAIGHT_JOIN ${tables.data(type)} k ON k.npi = t.npi
       WHERE t.release_id = ${pin} AND NOT (i.place <=> ${type})`,
    );
  }
  for (const type of types) {
    await session.query(
      `INSERT INTO ${tables.data(type)} (npi, ${imageColumns.join(', ')})
       SELECT i.npi, f.data_release, f.deactivation_release, ${valuesOf('i')}
       ${image} STRAIGHT_JOIN ${versions} f ON f.npi = t.npi
         AND f.release_id = ${firstAfter(versions, 't.npi', after, "kind <> 'stale'")}
       WHERE t.release_id = ${pin} AND i.place = ${type} ORDER BY i.npi
       ON DUPLICATE KEY UPDATE data_release = f.data_release, deactivation_release = f.deactivation_release,
         ${valueNames.map((name) => `${name} = i.${name}`).join(', ')}`,
    );
  }
}
