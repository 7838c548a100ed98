import { createHash } from 'node:crypto';
import { eq, ne, sql } from 'drizzle-orm';
import { collationsOf } from '../connection/collation.ts';
import { DbError } from '../connection/errors.ts';
import { fence, type Lease } from '../ledger/lease.ts';
import type { StagedSoFar } from '../schema/ledger-json.ts';
import { renameTables } from './rename.ts';
import { shadowRangeTable, shadowTable } from '../schema/schema.ts';
import type { Session } from '../connection/session.ts';
import { stagingTables } from '../registry/staging.ts';
import { createUnkeyed } from '../schema/table-keys.ts';
import {
  liveTables,
  searchLetters,
  type NpiTables,
  type Schemas,
  type SearchKind,
} from '../schema/tables.ts';

/**
 * The tables in which one attempt prepares a baseline. Their names contain its epoch, so late statements of an older attempt
 * name tables that no longer exist.
 */
export interface Shadow {
  readonly tables: NpiTables;
  /** The prefix of all its table names. */
  readonly prefix: string;
  /** This shadow's version of `npi_live`. */
  readonly marker: string;
  /**
   * `<stage>`, `_plan`, `_search` and `_later`: for what the publish of a weekly does too. Also `_refused`, `_known`, and
   * `_version`: what the baseline will add to `npi_version`.
   */
  readonly stage: string;
}

/** The checkpoint of a shadow. */
export interface ShadowState {
  readonly releaseId: number;
  readonly rangeCount: number;
  /** Absent until the whole file is split into ranges. */
  readonly staged?: StagedSoFar;
  readonly isSearched: boolean;
}

/** The live tables that a baseline replaces. `base` follows the prefix in the name of the shadow. */
export function replacedTables(schemas: Schemas): { readonly base: string; readonly live: string }[] {
  const live = liveTables(schemas);
  return [
    ...([0, 1, 2] as const).map((type) => ({ base: `npi_data_${type}`, live: live.data(type) })),
    ...searchTables().map(({ kind, suffix }) => ({
      base: `search_${kind}_${suffix}`,
      live: live.search(kind, suffix),
    })),
    { base: 'npi_live', live: `${schemas.scheduler}.npi_live` },
  ];
}

/** The 54 search tables. */
export function searchTables(): { readonly kind: SearchKind; readonly suffix: string }[] {
  return (['surgeon', 'facility'] as const).flatMap((kind) =>
    ['all', ...searchLetters].map((suffix) => ({ kind, suffix })),
  );
}

const runKey = (runId: string) => createHash('sha256').update(runId).digest('hex').slice(0, 12);
const prefixOf = ({ runId, epoch }: Lease) => `npi_shadow_${runKey(runId)}_${epoch}`;

/** The shadow of an attempt, whether its tables exist or not. */
export function shadowOf({ scheduler }: Schemas, lease: Lease): Shadow {
  const prefix = `${scheduler}.${prefixOf(lease)}`;
  return {
    prefix,
    stage: `${prefix}_rows`,
    marker: `${prefix}_npi_live`,
    tables: {
      data: (type) => `${prefix}_npi_data_${type}`,
      search: (kind, suffix) => `${prefix}_search_${kind}_${suffix}`,
    },
  };
}

interface ShadowTable {
  readonly name: string;
  readonly run: string;
  readonly epoch: number;
  readonly base: string;
}

async function listShadows(session: Session, { scheduler }: Schemas): Promise<ShadowTable[]> {
  const found = await session.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = ? AND table_name LIKE 'npi\\_shadow\\_%'`,
    [scheduler],
  );
  return found.flatMap(({ name }) => {
    const [, run, epoch, base] = /^npi_shadow_([0-9a-f]{12})_(\d+)_(\w+)$/.exec(name) ?? [];
    return run !== undefined && base !== undefined ? [{ name, run, epoch: Number(epoch), base }] : [];
  });
}

/**
 * Takes over the shadow of an earlier attempt of the run by renaming its tables in one statement. From then on every
 * statement of that attempt fails, including its swap.
 * @throws DbError FencedOut when a newer attempt has taken over already
 */
export async function takeOverShadow(session: Session, schemas: Schemas, lease: Lease): Promise<Shadow> {
  const own = (await listShadows(session, schemas)).filter(({ run }) => run === runKey(lease.runId));
  if (own.some(({ epoch }) => epoch > lease.epoch)) {
    throw new DbError(
      'FencedOut',
      `A newer attempt has taken over the shadow tables of the run ${lease.runId}.`,
    );
  }
  const newest = new Map<string, ShadowTable>();
  for (const table of own.sort((a, b) => a.epoch - b.epoch)) newest.set(table.base, table);
  const { scheduler } = schemas;
  // An attempt that was overtaken while creating tables can leave empty ones under its own epoch.
  const strays = own.filter((table) => newest.get(table.base) !== table);
  for (const { name } of strays) await session.query(`DROP TABLE IF EXISTS ${scheduler}.${name}`);
  const moved = Array.from(newest.values()).filter(({ epoch }) => epoch !== lease.epoch);
  await renameTables(
    session,
    moved.map(({ name, base }) => [`${scheduler}.${name}`, `${scheduler}.${prefixOf(lease)}_${base}`]),
  );
  return shadowOf(schemas, lease);
}

/**
 * Opens the shadow of a run: takes over the tables of an earlier attempt, or creates empty ones without secondary keys.
 * The keys are built after the rows are loaded.
 */
export async function openShadow(
  session: Session,
  schemas: Schemas,
  lease: Lease,
  file: { readonly fileName: string; readonly releaseId: number; readonly rangeCount: number },
): Promise<{ readonly shadow: Shadow; readonly state: ShadowState }> {
  const shadow = await takeOverShadow(session, schemas, lease);
  const isNew = (await readShadow(session, lease.runId)) === undefined;
  if (isNew) await createTables(session, schemas, shadow);
  await session.transaction(async () => {
    await fence(session, lease);
    await session.orm((db) =>
      db
        .insert(shadowTable)
        .ignore()
        .values({ runId: lease.runId, ...file, staged: sql`'null'`, isSearched: false }),
    );
  });
  const state = await readShadow(session, lease.runId);
  if (state === undefined)
    throw new DbError('FencedOut', `The shadow of the run ${lease.runId} no longer exists.`);
  return { shadow, state };
}

async function createTables(session: Session, schemas: Schemas, { prefix, stage }: Shadow): Promise<void> {
  for (const { base, live } of replacedTables(schemas)) {
    await createUnkeyed(session, `${prefix}_${base}`, live);
  }
  await session.query(`CREATE TABLE IF NOT EXISTS ${stage}_version LIKE npi_version`);
  const { nearest } = await collationsOf(session);
  for (const ddl of [...knownTables(stage, nearest), ...stagingTables(stage, nearest)]) {
    await session.query(ddl);
  }
}

/** The tables for refused rows, with a key by NPI, and for the fates of known providers. */
function knownTables(stage: string, collation: string): string[] {
  const charset = `DEFAULT CHARACTER SET utf8mb4 COLLATE ${collation}`;
  return [
    `CREATE TABLE IF NOT EXISTS ${stage}_refused (row_no INT UNSIGNED NOT NULL PRIMARY KEY, line_no INT UNSIGNED NOT NULL,
       npi BIGINT NULL, reason VARCHAR(60) NOT NULL, column_name VARCHAR(120) NULL, KEY by_npi (npi)) ${charset}`,
    `CREATE TABLE IF NOT EXISTS ${stage}_known (npi BIGINT NOT NULL PRIMARY KEY, known TINYINT NULL,
       target TINYINT NULL, fate ENUM('keep', 'deactivate', 'confirm', 'replace', 'remove', 'later', 'changed') NULL) ${charset}`,
  ];
}

/** Reads the checkpoint of a run's shadow. */
export async function readShadow(session: Session, runId: string): Promise<ShadowState | undefined> {
  const [row] = await session.orm((db) => db.select().from(shadowTable).where(eq(shadowTable.runId, runId)));
  if (row === undefined) return undefined;
  const { releaseId, rangeCount, staged, isSearched } = row;
  return { releaseId, rangeCount, isSearched, ...(staged && { staged }) };
}

/**
 * The checkpoint of a run that has prepared its shadow tables.
 * @throws DbError ShadowLost when another run took the lease meanwhile and dropped them
 */
export async function requireShadow(session: Session, runId: string): Promise<ShadowState> {
  const state = await readShadow(session, runId);
  if (state) return state;
  throw new DbError(
    'ShadowLost',
    'Another run of this job started meanwhile and dropped the tables that this run had prepared.',
  );
}

/** Moves the checkpoint of a run's shadow. */
export function markShadow(
  session: Session,
  lease: Lease,
  moved: { readonly staged: StagedSoFar } | { readonly isSearched: true },
): Promise<void> {
  return session.transaction(async () => {
    await fence(session, lease);
    await session.orm((db) => db.update(shadowTable).set(moved).where(eq(shadowTable.runId, lease.runId)));
  });
}

/** Drops the shadow of a run that has ended. */
export async function dropShadow(session: Session, schemas: Schemas, runId: string): Promise<void> {
  await session.orm((db) => db.delete(shadowTable).where(eq(shadowTable.runId, runId)));
  await session.orm((db) => db.delete(shadowRangeTable).where(eq(shadowRangeTable.runId, runId)));
  await dropTables(session, schemas, ({ run }) => run === runKey(runId));
}

/**
 * Drops the shadows of other runs. The caller's epoch is the newest, so every other run has lost the lease. This includes a
 * run that waits for an approval: without its tables it cannot go live over what the caller publishes.
 */
export async function dropDeadShadows(session: Session, schemas: Schemas, lease: Lease): Promise<void> {
  await session.orm((db) => db.delete(shadowTable).where(ne(shadowTable.runId, lease.runId)));
  await session.orm((db) => db.delete(shadowRangeTable).where(ne(shadowRangeTable.runId, lease.runId)));
  await dropTables(session, schemas, ({ run, epoch }) => run !== runKey(lease.runId) && epoch < lease.epoch);
}

async function dropTables(
  session: Session,
  schemas: Schemas,
  isDropped: (table: ShadowTable) => boolean,
): Promise<void> {
  for (const table of await listShadows(session, schemas)) {
    if (isDropped(table)) await session.query(`DROP TABLE IF EXISTS ${schemas.scheduler}.${table.name}`);
  }
}
