import { pastRow, type PastRow } from './states.ts';
import { valuesOf } from '../schema/npi-columns.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** A provider that a release changed; null where it was not known. */
export interface ProviderChange {
  readonly npi: number;
  readonly before: PastRow | null;
  readonly after: PastRow | null;
}

const npisPerPage = 500;

type Found = Readonly<Record<string, string | number | null>> & {
  readonly npi: number;
  readonly place: 0 | 1 | 2 | null;
};

/** What a release changed, by NPI: each provider before and after it. Reads 500 providers at a time. */
export async function* changesOf(
  session: Session,
  schemas: Schemas,
  releaseId: number,
): AsyncGenerator<ProviderChange> {
  for (let last = 0; ;) {
    const page = await session.query<Found>(
      `SELECT v.place, v.npi, ${valuesOf('v')} FROM npi_version v
       WHERE v.release_id = ? AND v.kind = 'changed' AND v.npi > ? ORDER BY v.npi LIMIT ${npisPerPage}`,
      [releaseId, last],
    );
    const npis = page.map(({ npi }) => npi);
    const after =
      npis.length === 0 ? new Map<number, Found>() : await rowsAfter(session, schemas, releaseId, npis);
    for (const version of page) {
      const found = after.get(version.npi);
      yield {
        npi: version.npi,
        before: pastRow(version.place, version),
        after: found ? pastRow(found.place, found) : null,
      };
    }
    if (npis.length < npisPerPage) return;
    last = npis.at(-1) ?? last;
  }
}

/** The rows of providers after a release: in the next version that has one, otherwise in the provider tables. */
async function rowsAfter(
  session: Session,
  { application }: Schemas,
  releaseId: number,
  npis: readonly number[],
): Promise<Map<number, Found>> {
  const rows = new Map<number, Found>();
  for (const place of [0, 1, 2] as const) {
    const live = await session.query<Found>(
      `SELECT ${place} AS place, k.npi, ${valuesOf('k')} FROM ${application}.npi_data_${place} k WHERE k.npi IN (?)`,
      [npis],
    );
    for (const row of live) rows.set(row.npi, row);
  }
  const later = await session.query<Found>(
    `SELECT v.place, v.npi, ${valuesOf('v')} FROM npi_version v WHERE v.npi IN (?) AND v.release_id =
       (SELECT MIN(n.release_id) FROM npi_version n WHERE n.npi = v.npi AND n.release_id > ? AND n.kind = 'changed')`,
    [npis, releaseId],
  );
  for (const row of later) rows.set(row.npi, row);
  return rows;
}
