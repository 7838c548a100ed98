import { z } from 'zod';
import { count, nullableText, text } from './json-fields.ts';

// The JSON outputs of the commands that read the history.

const release = z
  .object({
    releaseId: count('Id of the release'),
    day: text('Last day of its period'),
    fileName: nullableText('Name of the zip; null if the ledger does not have it'),
  })
  .nullable();

const columns = z.record(z.string(), z.string()).describe('Columns that have a value');

export const pastProvider = z
  .object({
    asOf: text('The day'),
    from: release.describe('Release that brought the row; null if the history begins with it'),
    until: release.describe('Release that changed it; null if it is the row of today'),
    table: text('`npi_data_0`, `npi_data_1` or `npi_data_2`'),
    columns,
  })
  .nullable();

export const providerHistory = z.object({
  npi: text('NPI'),
  since: release.describe('Release with which the history begins; null if it has every release'),
  steps: z
    .array(
      z.object({
        from: release.describe('Release that changed the provider; null at the beginning of the history'),
        table: nullableText('Its table from then on; null while it is not in the registry'),
        changes: z
          .array(
            z.object({
              column: text('Column, or `table`'),
              before: text('Value before; empty if none'),
              after: text('Value after; empty if none'),
            }),
          )
          .describe('What changed'),
      }),
    )
    .describe('Oldest first'),
});

export const releaseChanges = z.object({
  release: text('Name of the zip'),
  added: count('Providers that were not known before'),
  changed: count('Providers with another row than before'),
  removed: count('Providers that are no longer in the registry'),
});
