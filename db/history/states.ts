import { historySince } from '../registry/history.ts';
import { lookupProvider } from '../registry/lookup.ts';
import { valueNames } from '../schema/npi-columns.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** A provider's row as a release left it: the columns of the file that have a value. */
export interface PastRow {
  readonly table: string;
  readonly columns: Readonly<Record<string, string>>;
}

/** A release by its ID; the file name is null if the ledger does not have it, for example after an adoption. */
export interface ReleaseOfState {
  readonly releaseId: number;
  /** The last day of its period, ISO. */
  readonly day: string;
  readonly fileName: string | null;
}

/** What was known of a provider from one release until another. */
export interface ProviderState {
  /** The release that brought the row; null if the history does not reach back to it. */
  readonly from: ReleaseOfState | null;
  /** The release that changed it; null if it is the row of today. */
  readonly until: ReleaseOfState | null;
  /** Null while the provider was not known. */
  readonly row: PastRow | null;
}

/** The states of a provider, oldest first, and the release with which the history begins. */
export interface ProviderHistory {
  /** Null if the history has every release that was loaded. */
  readonly since: ReleaseOfState | null;
  readonly states: readonly ProviderState[];
}

type Fields = Readonly<Record<string, string | number | null>>;
type Version = Fields & { readonly releaseId: number; readonly place: 0 | 1 | 2 | null };

/** The release with which the history begins; null if the history has every release that was loaded. */
export async function historyBeginning(session: Session): Promise<ReleaseOfState | null> {
  const since = await historySince(session);
  return since === undefined ? null : (await releasesOf(session, [since]))(since);
}

/** The history of a provider, from `npi_version` and its row in `npi_data_0/1/2`. Empty for an NPI that was never loaded. */
export async function providerHistory(
  session: Session,
  schemas: Schemas,
  npi: string,
): Promise<ProviderHistory> {
  const since = await historyBeginning(session);
  const versions = await session.query<Version>(
    `SELECT release_id AS releaseId, place, ${valueNames.join(', ')} FROM npi_version
     WHERE npi = ? AND kind = 'changed' AND release_id > ? ORDER BY release_id`,
    [npi, since?.releaseId ?? 0],
  );
  const live = await liveRow(session, schemas, npi);
  const release = await releasesOf(
    session,
    versions.map(({ releaseId }) => releaseId),
  );
  const rows = [...versions.map((version) => pastRow(version.place, version)), live];
  const states = rows.map((row, i): ProviderState => {
    const [before, after] = [versions[i - 1], versions[i]];
    return {
      from: before ? release(before.releaseId) : null,
      until: after ? release(after.releaseId) : null,
      row,
    };
  });
  return {
    since,
    states: versions.length === 0 && live === null ? [] : states,
  };
}

async function liveRow(session: Session, schemas: Schemas, npi: string): Promise<PastRow | null> {
  const found = await lookupProvider(session, schemas, npi);
  return found ? { table: found.table, columns: valuesIn(found.columns) } : null;
}

/** The row of a version or of a provider table; null without a table. */
export function pastRow(place: 0 | 1 | 2 | null, fields: Fields): PastRow | null {
  return place === null ? null : { table: `npi_data_${place}`, columns: valuesIn(fields) };
}

function valuesIn(fields: Fields): PastRow['columns'] {
  const filled = valueNames.flatMap((name): [string, string][] => {
    const value = fields[name] ?? '';
    return value === '' ? [] : [[name, String(value)]];
  });
  return Object.fromEntries(filled);
}

async function releasesOf(session: Session, ids: readonly number[]): Promise<(id: number) => ReleaseOfState> {
  const found =
    ids.length === 0
      ? []
      : await session.query<{ releaseId: number; fileName: string }>(
          'SELECT release_id AS releaseId, file_name AS fileName FROM npi_release WHERE release_id IN (?)',
          [ids],
        );
  const names = new Map(found.map(({ releaseId, fileName }) => [releaseId, fileName]));
  return (releaseId) => {
    const day = String(releaseId);
    return {
      releaseId,
      day: `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}`,
      fileName: names.get(releaseId) ?? null,
    };
  };
}

/** The state at the end of a day (ISO); undefined for a day before the history. */
export function stateOn({ since, states }: ProviderHistory, day: string): ProviderState | undefined {
  if (since !== null && day < since.day) return undefined;
  return states.findLast(({ from }) => from === null || from.day <= day);
}
