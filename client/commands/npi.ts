import type { Config } from '../../config/config.ts';
import { lookupProvider, searchProviders, type ProviderFound } from '../../db/registry/lookup.ts';
import { isListed } from '../../nppes/rows/dates.ts';
import { isTenDigits } from '../../nppes/rows/npi.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { registryLines, registryStatus } from '../registry.ts';
import type { Terminal } from '../terminal.ts';

const signal = new AbortController().signal;

/** `surgicase npi lookup <npi>`: shows the filled columns of a provider's row, and whether the provider is deactivated. */
export function lookup(config: Config, terminal: Terminal, npi: string): Promise<number> {
  if (!isTenDigits(npi))
    throw new CommandError(exitCodes.usage, `"${npi}" is not a valid NPI: an NPI has ten digits.`);
  return withDatabase(config, async (database, schemas) => {
    const found = await database.session(signal, (session) => lookupProvider(session, schemas, npi));
    const lines = found
      ? [found.table, ...deactivationLines(found.columns), ...columnLines(found.columns)]
      : [`NPI ${npi} is not in npi_data_0, npi_data_1 or npi_data_2.`];
    terminal.answer(found ?? null, lines);
    return exitCodes.done;
  });
}

/** A provider is deactivated when it has a deactivation date and no reactivation date on or after it. */
function deactivationLines(columns: ProviderFound['columns']): string[] {
  const date = (column: string) => String(columns[column] ?? '');
  const deactivation = date('npi_deactivation_date');
  if (isListed(deactivation, date('npi_reactivation_date'))) return [];
  return [`DEACTIVATED on ${deactivation}; not in the search tables.`];
}

function columnLines(columns: ProviderFound['columns']): string[] {
  const width = Math.max(...Object.keys(columns).map((name) => name.length));
  return Object.entries(columns).map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
}

/** `surgicase npi status`: shows what is loaded, the gaps, and the refused rows in quarantine. */
export function npiStatus(config: Config, terminal: Terminal): Promise<number> {
  return withDatabase(config, async (database) => {
    const status = await database.session(signal, registryStatus);
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
      limitRows: limit,
    };
    const found = await database.session(signal, (session) => searchProviders(session, schemas, question));
    const lines = found.map((row) => Object.values(row).join('  '));
    terminal.answer(
      found,
      lines.length > 0
        ? lines
        : [`No provider's name matches "${name}"${state === undefined ? '' : ` in the state ${state}`}.`],
    );
    return exitCodes.done;
  });
}
