import type { Config } from '../../config/config.ts';
import { migrate } from '../../db/schema/migrate.ts';
import { withDatabase } from '../database.ts';
import { exitCodes } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

/** `surgicase db migrate`: creates missing tables and alters nothing. */
export function migrateCommand(config: Config, terminal: Terminal): Promise<number> {
  return withDatabase(config, async (database, schemas) => {
    const created = await migrate(database, schemas, new AbortController().signal);
    const lines =
      created.length === 0 ? ['Nothing was missing.'] : created.map((place) => `created ${place}`);
    terminal.answer({ created }, lines);
    return exitCodes.done;
  });
}
