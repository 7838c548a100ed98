import { DbError } from '../connection/errors.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** A loader that does not sleep for more than a week writes at least one line in this time. */
const lookBackDays = 14;

// The line and the ledger entry of a publish are written in one transaction, by two statements.
const clockSlack = 'INTERVAL 1 HOUR';

interface Logged {
  readonly name: string;
  readonly loggedAt: string;
}

/**
 * Says that another program, such as the scheduler that this service replaces, loads the registry too: `npi_update_log` has a
 * line of the last two weeks that this service did not write. Returns undefined when there is none, when this service has
 * published nothing and adopted nothing, and when the login may not read the log. The text changes only with a new line.
 */
export async function otherLoader(
  session: Session,
  { application }: Pick<Schemas, 'application'>,
): Promise<string | undefined> {
  const since = await ownSince(session);
  if (since === null) return undefined;
  const logged = await loggedSince(session, application, since);
  if (logged.length === 0) return undefined;
  const last = unexplained(logged, await publishedSince(session, since)).at(-1);
  if (!last) return undefined;
  const { name, loggedAt } = last;
  return (
    `Another program loads the registry too: at ${loggedAt} UTC it wrote the line ${name.slice(0, 100)} to ${application}.npi_update_log. ` +
    'Stop the old scheduler (docs/migrating.md, Two schedulers at once).'
  );
}

/**
 * From when on every line must be this service's own: an adoption, or a little before the line of the first publish; and
 * the last rebuild, after which the ledger lacks releases whose lines stay in the log.
 */
async function ownSince(session: Session): Promise<string | null> {
  const [row] = await session.query<{ since: string | null }>(
    `SELECT GREATEST(COALESCE(MAX(IF(size_bytes = 0, published_at, NULL)), MIN(published_at) - INTERVAL 1 MINUTE),
       COALESCE((SELECT MAX(decided_at) FROM decision WHERE what = 'rebuild'), TIMESTAMP'2000-01-01 00:00:00'),
       NOW(6) - INTERVAL ${lookBackDays} DAY) AS since FROM npi_release`,
  );
  return row?.since ?? null;
}

async function loggedSince(session: Session, application: string, since: string): Promise<Logged[]> {
  try {
    return await session.query<Logged>(
      `SELECT COALESCE(filename_processed, '') AS name, CAST(created_ts AS CHAR) AS loggedAt
       FROM ${application}.npi_update_log WHERE created_ts >= ? ORDER BY created_ts`,
      [since],
    );
  } catch (error) {
    // A load must not fail because of this question. `surgicase doctor` names the missing right.
    if (error instanceof DbError && error.code === 'DatabaseRefused') return [];
    throw error;
  }
}

/** How many publishes wrote a line with this name. The line of a release stays in the log when the release is rolled back. */
async function publishedSince(session: Session, since: string): Promise<ReadonlyMap<string, number>> {
  const found = await session.query<{ member: string }>(
    `SELECT member FROM (SELECT member, size_bytes, published_at FROM npi_release
       UNION ALL SELECT member, size_bytes, published_at FROM npi_rollback) published
     WHERE size_bytes > 0 AND published_at >= CAST(? AS DATETIME(6)) - ${clockSlack}`,
    [since],
  );
  const counts = new Map<string, number>();
  for (const { member } of found) counts.set(baseName(member), (counts.get(baseName(member)) ?? 0) + 1);
  return counts;
}

/** The lines that are more than this service has published under their name. */
function unexplained(logged: readonly Logged[], published: ReadonlyMap<string, number>): Logged[] {
  const open = new Map(published);
  return logged.flatMap(({ name, loggedAt }) => {
    const file = baseName(name);
    const left = open.get(file) ?? 0;
    open.set(file, left - 1);
    return left > 0 ? [] : [{ name: file, loggedAt }];
  });
}

/** Loaders log a member with or without its folder. */
const baseName = (path: string) => path.split(/[\\/]/).at(-1) ?? '';
