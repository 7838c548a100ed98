import { spawn, type ChildProcess } from 'node:child_process';
import { inject } from 'vitest';
import type { Session } from '../../db/connection/session.ts';
import type { Schemas } from '../../db/schema/tables.ts';
import { cli, surgicase } from './cli.ts';
import { openDatabase } from './database.ts';
import {
  createProduction,
  fillProductionSearch,
  loadProduction,
  type ProductionRow,
} from './production-database.ts';
import { startSqlProxy, type SqlProxy, type Verdict } from './sql-proxy.ts';

/** A generated production database, and a function that runs the adopt command against it. */
export interface AdoptionBed {
  readonly schemas: Schemas;
  readonly env: NodeJS.ProcessEnv;
  session<T>(use: (session: Session) => Promise<T>): Promise<T>;
  query<Row = Record<string, unknown>>(sql: string): Promise<Row[]>;
  /** `surgicase db adopt … --json`. */
  adopt(
    ...options: string[]
  ): Promise<{ readonly code: number; readonly value: never; readonly err: string }>;
  drop(): Promise<void>;
}

/** Search tables that the production database does not have. */
export const missingTables = ['search_surgeon_q', 'search_surgeon_z', 'search_facility_x'];

/** The schemas are `<name>_app`, `<name>_search` and `<name>_own`; the adoption creates the last one. */
export async function createBed(name: string, rows: readonly ProductionRow[]): Promise<AdoptionBed> {
  const schemas = { application: `${name}_app`, search: `${name}_search`, scheduler: `${name}_own` };
  const database = openDatabase(schemas.scheduler);
  const session = <T>(use: (session: Session) => Promise<T>) =>
    database.session(new AbortController().signal, use);
  await session(async (opened) => {
    await createProduction(opened, schemas, missingTables);
    await loadProduction(opened, schemas, rows);
    await fillProductionSearch(opened, schemas, missingTables);
  });
  const env = {
    DATABASE_URL: `${inject('mysqlUrl')}${schemas.application}`,
    SEARCH_SCHEMA: schemas.search,
    SCHEDULER_SCHEMA: schemas.scheduler,
    NPI_MAX_THREADS_RUNNING: '1000',
    LOG_LEVEL: 'error',
  };
  const query = <Row>(sql: string) => session((opened) => opened.query<Row>(sql));
  return {
    schemas,
    env,
    session,
    query,
    async adopt(...options) {
      const { code, out, err } = await surgicase(['db', 'adopt', '--json', ...options], env);
      return { code, value: (out === '' ? undefined : JSON.parse(out)) as never, err };
    },
    async drop() {
      for (const schema of Object.values(schemas)) await query(`DROP DATABASE IF EXISTS ${schema}`);
      await database.close();
    },
  };
}

/** A running `surgicase db adopt` behind a proxy that can kill it or hold back one of its statements. */
export interface WatchedAdoption {
  readonly proxy: SqlProxy;
  /** Resolves when the chosen statement arrives. */
  readonly chosen: Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly err: string }>;
}

/** Starts the command. Every verdict except `pass` and `held` kills it. */
export async function startAdoption(
  env: NodeJS.ProcessEnv,
  judge: (sql: string) => Verdict,
): Promise<WatchedAdoption> {
  const url = new URL(env['DATABASE_URL'] ?? '');
  let child: ChildProcess | undefined;
  let tell: () => void = () => undefined;
  const chosen = new Promise<void>((resolve) => {
    tell = resolve;
  });
  let verdict: Verdict = 'pass';
  const proxy = await startSqlProxy(
    { host: url.hostname, port: Number(url.port) },
    {
      judge: (sql) => (verdict = judge(sql)),
      stop: () => {
        if (verdict !== 'held') child?.kill('SIGKILL');
        tell();
      },
    },
  );
  url.port = String(proxy.port);
  child = spawn(process.execPath, [cli, 'db', 'adopt', '--json'], {
    env: { PATH: process.env['PATH'], ...env, DATABASE_URL: url.href },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const started = child;
  const ended = new Promise<{ readonly code: number | null; readonly err: string }>((resolve) =>
    started.once('close', (code) => {
      proxy.drop();
      void proxy.close();
      resolve({ code, err });
    }),
  );
  return { proxy, chosen, ended };
}

/** All tables and columns of the bed's schemas, with a checksum of each table. */
export async function fingerprint({ query, schemas }: AdoptionBed): Promise<unknown> {
  const list = `'${Object.values(schemas).join("', '")}'`;
  const columns = await query(
    `SELECT table_schema, table_name, column_name, column_type, is_nullable, column_key, column_default, extra
     FROM information_schema.columns WHERE table_schema IN (${list}) ORDER BY 1, 2, ordinal_position`,
  );
  const tables = await query<{ place: string }>(
    `SELECT CONCAT(table_schema, '.', table_name) AS place FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema IN (${list}) ORDER BY 1`,
  );
  const checksums = [];
  for (const { place } of tables) checksums.push(...(await query(`CHECKSUM TABLE ${place}`)));
  return { columns, checksums };
}

/** The name of a provider table: the live one, or the original that an adoption kept. */
export const place = ({ schemas }: AdoptionBed, where: 'live' | 'originals', type: number) =>
  where === 'live'
    ? `${schemas.application}.npi_data_${type}`
    : `${schemas.scheduler}.npi_original_npi_data_${type}`;

/** What an adoption leaves behind until it is finished. */
export const leftovers = ({ schemas, query }: AdoptionBed) =>
  query(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = '${schemas.scheduler}' AND table_name REGEXP '^npi_(adopt|original)_'
     UNION ALL SELECT run_id FROM ${schemas.scheduler}.npi_adoption`,
  );
