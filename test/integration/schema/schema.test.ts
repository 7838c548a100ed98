import { eq, is } from 'drizzle-orm';
import { getTableConfig, MySqlColumn, type MySqlTable } from 'drizzle-orm/mysql-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DbError, StatementError } from '../../../db/connection/errors.ts';
import { migrate } from '../../../db/schema/migrate.ts';
import {
  checkpointTable,
  facilityTable,
  leaseTable,
  ownTables,
  searchLogTable,
  surgeonTable,
  updateLogTable,
} from '../../../db/schema/schema.ts';
import type { Session } from '../../../db/connection/session.ts';
import { openDatabase } from '../../bed/database.ts';

const forever = new AbortController().signal;
const schemas = { application: 'schema_app', search: 'schema_search', scheduler: 'schema_own' };
const database = openDatabase(schemas.scheduler);
const inSession = <T>(use: (session: Session) => Promise<T>) => database.session(forever, use);

beforeAll(() => migrate(database, schemas, forever));
afterAll(async () => {
  for (const schema of Object.values(schemas))
    await inSession((session) => session.query(`DROP DATABASE ${schema}`));
  await database.close();
});

const described: MySqlTable[] = [
  ...ownTables,
  updateLogTable(schemas.application),
  searchLogTable(schemas.application),
  ...['all', 'a', 'z'].flatMap((suffix) => [
    surgeonTable(schemas.search, suffix),
    facilityTable(schemas.search, suffix),
  ]),
];
const sqlTypes: Readonly<Record<string, string>> = { boolean: 'tinyint(1)' };

/** A table as described in schema.ts. */
function declaredColumns(table: MySqlTable): unknown {
  const { columns, primaryKeys } = getTableConfig(table);
  const keyed = new Set(primaryKeys.flatMap((key) => key.columns.map(({ name }) => name)));
  return columns.map((column) => {
    const type = column.getSQLType().replaceAll(', ', ',');
    return {
      name: column.name,
      type: sqlTypes[type] ?? type,
      isNullable: column.notNull || keyed.has(column.name) ? 'NO' : 'YES',
    };
  });
}

function declaredKeys(table: MySqlTable): unknown {
  const { columns, primaryKeys, indexes } = getTableConfig(table);
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join();
  const primary = columns.filter((column) => column.primary);
  const keys = [
    ...[primary, ...primaryKeys.map((key) => key.columns)]
      .filter((key) => key.length > 0)
      .map((key) => ({ name: 'PRIMARY', isUnique: 1, columns: names(key) })),
    ...indexes.map(({ config }) => ({
      name: config.name,
      isUnique: config.unique ? 1 : 0,
      columns: names(config.columns.filter((column) => is(column, MySqlColumn))),
    })),
  ];
  return keys.sort((one, other) => (one.name < other.name ? -1 : 1));
}

describe('schema.ts', () => {
  const placeOf = (table: MySqlTable) => {
    const { schema = schemas.scheduler, name } = getTableConfig(table);
    return [schema, name] as const;
  };

  it.each(described.map((table) => [placeOf(table).join('.'), table] as const))(
    'describes the columns of %s as the migrations create them',
    async (_place, table) => {
      const columns = await inSession((session) =>
        session.query(
          `SELECT column_name AS name, column_type AS type, is_nullable AS isNullable
           FROM information_schema.columns
           WHERE table_schema = ? AND table_name = ? AND extra NOT LIKE '%INVISIBLE%' ORDER BY ordinal_position`,
          placeOf(table),
        ),
      );
      expect(declaredColumns(table)).toEqual(columns);
    },
  );

  it.each(ownTables.map((table) => [placeOf(table)[1], table] as const))(
    'describes the keys of %s as the migrations create them',
    async (_name, table) => {
      const keys = await inSession((session) =>
        session.query(
          `SELECT index_name AS name, MIN(non_unique = 0) AS isUnique,
             GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns
           FROM information_schema.statistics WHERE table_schema = ? AND table_name = ?
           GROUP BY index_name ORDER BY index_name = 'PRIMARY' DESC, index_name`,
          placeOf(table),
        ),
      );
      expect(declaredKeys(table)).toEqual(keys);
    },
  );

  it('describes every table of this service', async () => {
    const tables = await inSession((session) =>
      session.query<{ name: string }>(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE'",
        [schemas.scheduler],
      ),
    );
    const names = ownTables.map((table) => getTableConfig(table).name);
    expect([...names, 'migration'].sort()).toEqual(tables.map(({ name }) => name).sort());
  });
});

describe('a typed statement', () => {
  const job = 'a job of this test';

  it('belongs to the transaction of its session', async () => {
    const found = await inSession(async (session) => {
      const work = session.transaction(async () => {
        await session.orm((db) => db.insert(leaseTable).values({ job, epoch: 1 }));
        throw new Error('rolled back');
      });
      await expect(work).rejects.toThrow('rolled back');
      return session.orm((db) => db.select().from(leaseTable).where(eq(leaseTable.job, job)));
    });
    expect(found).toEqual([]);
  });

  it('fails with the error of the session, which quotes no value', async () => {
    const values = { stage: 'Smith', runId: 'Smith', fileName: 'Smith', isWhole: false, staged: null };
    const failed = await inSession((session) =>
      session
        .orm((db) => db.insert(checkpointTable).values({ ...values, movedAt: 'Smith' }))
        .catch((error: unknown) => error),
    );
    expect(failed).toBeInstanceOf(StatementError);
    expect(JSON.stringify([failed, String(failed), (failed as Error).stack])).not.toContain('Smith');
    const absent = inSession((session) => session.orm((db) => db.select().from(surgeonTable('absent', 'a'))));
    await expect(absent).rejects.toMatchObject({ constructor: DbError, code: 'DatabaseNotReady' });
  });

  it('ends with the reason of a cancellation', async () => {
    const abort = new AbortController();
    const reason = new Error('cancelled by a person');
    const running = database.session(abort.signal, async (session) => {
      abort.abort(reason);
      return session.orm((db) => db.select().from(leaseTable));
    });
    await expect(running).rejects.toBe(reason);
  });
});
