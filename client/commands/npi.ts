import type { Config } from '../../config/config.ts';
import {
  lookupProvider,
  searchProviders,
  type ProviderFound,
  type SearchAnswer,
} from '../../db/registry/lookup.ts';
import { isListed } from '../../nppes/rows/dates.ts';
import { columnLines } from '../columns.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { grouped } from '../numbers.ts';
import { registryLines, registryStatus } from '../registry.ts';
import { checkNpi } from '../npi-argument.ts';
import type { Terminal } from '../terminal.ts';

const signal = new AbortController().signal;

/**
 * `surgicase npi lookup <npi>`: shows the filled columns of a provider's row, and whether the provider is deactivated. Exits
 * with 1 when there is no such provider.
 */
export function lookup(config: Config, terminal: Terminal, npi: string): Promise<number> {
  checkNpi(npi);
  return withDatabase(config, async (database, schemas) => {
    const found = await database.session(signal, (session) => lookupProvider(session, schemas, npi));
    const lines = found
      ? [found.table, ...deactivationLines(found.columns), ...rowLines(found.columns)]
      : [`NPI ${npi} is not in npi_data_0, npi_data_1 or npi_data_2.`];
    terminal.answer(found ?? null, lines);
    return found ? exitCodes.done : exitCodes.failed;
  });
}

/** One line for a deactivated provider. A provider is deactivated when it has a deactivation date and no reactivation date on or after it. */
export function deactivationLines(columns: ProviderFound['columns']): string[] {
  const date = (column: string) => String(columns[column] ?? '');
  const deactivation = date('npi_deactivation_date');
  if (isListed(deactivation, date('npi_reactivation_date'))) return [];
  return [`DEACTIVATED on ${deactivation}; not in the search tables.`];
}

/** The columns of a row that have a value. */
export function rowLines(columns: ProviderFound['columns']): string[] {
  const cells = Object.entries(columns).map(([name, value]) => [name, String(value)]);
  return columnLines(['COLUMN', 'VALUE'], cells);
}

/** `surgicase npi status`: shows what is loaded, the gaps, and the refused rows in quarantine. */
export function npiStatus(config: Config, terminal: Terminal): Promise<number> {
  return withDatabase(config, async (database, schemas) => {
    const status = await database.session(signal, (session) => registryStatus(session, schemas));
    terminal.answer(status, registryLines(status));
    return exitCodes.done;
  });
}

export interface SearchOptions {
  readonly state?: string;
  readonly contains?: boolean;
  readonly limit: number;
}

/** `surgicase npi search <name>`: finds surgeons and facilities as the application does. */
export function search(
  config: Config,
  terminal: Terminal,
  name: string,
  { state, contains, limit }: SearchOptions,
): Promise<number> {
  if (name.trim() === '') throw new CommandError(exitCodes.usage, 'The name to search for is empty.');
  return withDatabase(config, async (database, schemas) => {
    const question = {
      name,
      ...(state !== undefined && { state }),
      ...(contains !== undefined && { isAnywhere: contains }),
      // One more than is shown tells whether there are more.
      limitRows: limit + 1,
    };
    const found = await database.session(signal, (session) => searchProviders(session, schemas, question));
    const lists = (['surgeon', 'facility'] as const).map((kind) => found.filter((row) => row.kind === kind));
    const shown = lists.flatMap((rows) => rows.slice(0, limit));
    const nothing = `No provider's name matches "${name}"${state === undefined ? '' : ` in the state ${state}`}.`;
    terminal.answer(shown, shown.length > 0 ? providerLines(shown) : [nothing]);
    if (lists.some((rows) => rows.length > limit)) terminal.say(cutLine(limit, state));
    return exitCodes.done;
  });
}

function providerLines(rows: readonly SearchAnswer[]): string[] {
  const cells = rows.map((row) => [
    row.kind,
    String(row.npi),
    row.kind === 'surgeon'
      ? [row.last_name, row.first_name].filter(Boolean).join(', ')
      : (row.facility_name ?? ''),
    ...[row.address, row.city, row.state, row.zip].map((cell) => cell ?? ''),
  ]);
  return columnLines(['KIND', 'NPI', 'NAME', 'ADDRESS', 'CITY', 'STATE', 'ZIP'], cells);
}

function cutLine(limit: number, state: string | undefined): string {
  const narrower =
    state === undefined ? 'A longer name or --state narrows the search' : 'A longer name narrows the search';
  return `More match: at most ${grouped(limit)} surgeons and ${grouped(limit)} facilities are shown. ${narrower}; \`--limit ${limit * 5}\` shows more.`;
}
