import type { Config } from '../../config/config.ts';
import { caseMoves } from '../../contract/schedules.ts';
import { caseObstacles } from '../../db/cases/ready.ts';
import { timestampColumn } from '../../db/cases/status.ts';
import { grants } from '../../db/schema/grants.ts';
import { migrate, migrateStatements } from '../../db/schema/migrate.ts';
import { loadObstacles } from '../../db/schema/ready.ts';
import { surplusKeys } from '../../db/schema/surplus-keys.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

const signal = new AbortController().signal;
/** The columns that the weekly jobs write beside the status. */
const timestamps = Object.values(caseMoves).flatMap(({ target }) => timestampColumn(target) ?? []);

/** `surgicase db migrate`: creates missing tables and alters nothing. With `isDryRun` it prints the statements. */
export function migrateCommand(
  config: Config,
  terminal: Terminal,
  { isDryRun }: { readonly isDryRun: boolean },
): Promise<number> {
  return withDatabase(config, async (database, schemas) => {
    const nothing = ['Nothing is missing.'];
    if (isDryRun) {
      const statements = await database.session(signal, (session) => migrateStatements(session, schemas));
      const lines = statements.map((sql) => `${sql};`);
      terminal.answer({ statements }, lines.length > 0 ? lines : nothing);
    } else {
      const created = await migrate(database, schemas, signal);
      const lines = created.map((place) => `created ${place}`);
      terminal.answer({ created }, lines.length > 0 ? lines : nothing);
    }
    return exitCodes.done;
  });
}

/**
 * `surgicase db check`: names what the jobs need and the database lacks, and keys that only cost time; changes nothing. Exits
 * with 1 when it lacks anything.
 */
export function check(config: Config, terminal: Terminal): Promise<number> {
  return withDatabase(config, (database, schemas) =>
    database.session(signal, async (session) => {
      const registry = await loadObstacles(session, schemas);
      const cases = await caseObstacles(session, schemas, timestamps);
      const surplus = await surplusKeys(session, schemas);
      terminal.answer({ registry, cases, surplus }, [
        ...checkLines('Registry', registry),
        ...checkLines('Cases', cases),
        ...surplusLines(surplus),
      ]);
      return registry.length + cases.length === 0 ? exitCodes.done : exitCodes.failed;
    }),
  );
}

function checkLines(what: string, obstacles: readonly string[]): string[] {
  if (obstacles.length === 0) return [`${what}: ready`];
  return [`${what}: not ready`, ...obstacles.map((obstacle) => `  ${obstacle}`)];
}

function surplusLines(statements: readonly string[]): string[] {
  if (statements.length === 0) return [];
  return [
    'Some keys serve no search and cost every load. These statements drop them, at a time of your choice:',
    ...statements.map((sql) => `  ${sql};`),
  ];
}

/** `surgicase db grants`: prints the GRANT statements for a login; needs no database. */
export function showGrants(
  config: Config,
  terminal: Terminal,
  { user, host }: { readonly user: string; readonly host: string },
): number {
  for (const name of [user, host]) {
    if (!/^[\w.%:/-]+$/.test(name))
      throw new CommandError(
        exitCodes.usage,
        `${name} is not a name of an account: use letters, digits and ._%:/-`,
      );
  }
  const application = config.database?.name ?? 'allstars';
  const schemas = {
    application,
    search: config.searchSchema,
    scheduler: config.schedulerSchema,
    hasReferences: config.nppes.hasReferences,
  };
  const found = grants(schemas, `'${user}'@'${host}'`);
  terminal.answer(found, [
    '-- Every job:',
    ...found.everyJob,
    '-- A monthly, which replaces the tables (not needed with NPI_BASELINE=never):',
    ...found.monthly,
    '-- surgicase db adopt; revoke these afterwards:',
    ...found.adoption,
  ]);
  return exitCodes.done;
}
