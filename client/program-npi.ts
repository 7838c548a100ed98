import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Subset } from '../db/registry/npi-steps.ts';
import { parseReleaseName } from '../nppes/page/release.ts';
import type { RebuildOptions } from './commands/rebuild.ts';
import type { SearchOptions } from './commands/npi.ts';
import type { RollbackOptions } from './commands/rollback.ts';
import { withPerson, type PersonOptions } from './decided-by.ts';
import {
  command,
  wholeNumber,
  withConfig,
  withProgress,
  withQuiet,
  type Json,
  type QuietOr,
} from './program-command.ts';

/** Adds the commands of `surgicase npi`. */
export function addRegistry(npi: Command): void {
  addLookups(npi);
  addProofs(npi);
  addLoads(npi);
}

function addLookups(npi: Command): void {
  command(npi, 'status', 'Show what is loaded, which days are missing, and the refused rows', [
    'surgicase npi status',
  ]).action(({ json }: Json) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/npi.ts')).npiStatus(config, terminal),
    ),
  );
  command(npi, 'releases', 'List what the CMS page offers, and what of it is loaded', [
    'surgicase npi releases',
  ]).action(({ json }: Json) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/npi-releases.ts')).releases(config, terminal),
    ),
  );
  command(npi, 'lookup', 'Show the row of one provider, as it is or as it was', [
    'surgicase npi lookup 1234567893',
    'surgicase npi lookup 1234567893 --as-of 2026-09-20',
  ])
    .argument('<npi>', 'NPI, ten digits')
    .option('--as-of <day>', 'Show what was known at the end of this day, YYYY-MM-DD', dayArgument)
    .action((number: string, { json, asOf }: Json & { asOf?: string }) =>
      withConfig(json, ['database'], async (config, terminal) => {
        if (asOf === undefined) return (await import('./commands/npi.ts')).lookup(config, terminal, number);
        return (await import('./commands/history.ts')).lookupAsOf(config, terminal, number, asOf);
      }),
    );
  command(npi, 'history', 'List the releases that changed a provider, and what they changed', [
    'surgicase npi history 1234567893',
  ])
    .argument('<npi>', 'NPI, ten digits')
    .action((number: string, { json }: Json) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/history.ts')).history(config, terminal, number),
      ),
    );
  command(npi, 'changes', 'Count the providers that a release changed, or list each changed column', [
    'surgicase npi changes NPPES_Data_Dissemination_091426_092026_Weekly_V2',
    'surgicase npi changes NPPES_Data_Dissemination_091426_092026_Weekly_V2 --csv',
  ])
    .argument('<release>', "CMS's file name, with or without .zip", releaseArgument)
    .addOption(new Option('--csv', 'Print one line for each changed column').conflicts('json'))
    .action((name: string, { json, ...options }: Json & { csv?: boolean }) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/history.ts')).releaseChanges(config, terminal, name, options),
      ),
    );
  command(npi, 'search', 'Search surgeons by last name and facilities by name, as the application does', [
    'surgicase npi search smith --state CA',
    'surgicase npi search "surgery center" --contains',
  ])
    .argument('<name>', 'Beginning of the name')
    .option('--state <code>', 'Search only in this state')
    .option(
      '--contains',
      'Match anywhere in the name, among names with the same first letter (as the application searches)',
    )
    .option('--limit <rows>', 'Maximum number of surgeons, and of facilities', wholeNumber, 20)
    .action((name: string, { json, ...options }: Json & SearchOptions) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/npi.ts')).search(config, terminal, name, options),
      ),
    );
}

function addProofs(npi: Command): void {
  command(npi, 'prove', "Compare a provider's row with the archived zips that set it, cell by cell", [
    'surgicase npi prove 1234567893',
  ])
    .argument('<npi>', 'NPI, ten digits')
    .action((number: string, { json }: Json) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/prove.ts')).prove(config, terminal, number),
      ),
    );
  const check = command(
    npi,
    'check',
    'Compare rows with the archived zips, search tables with the providers, and the sums of the ledger',
    ['surgicase npi check', 'surgicase npi check --subset 1/52 --quiet'],
  );
  withQuiet(check)
    .addOption(
      new Option('--subset <part>', 'Compare only this part of the rows with the zips, such as 1/52')
        .argParser(subsetArgument)
        .default(wholeRegistry, 'every row'),
    )
    .action(({ json, quiet, subset }: QuietOr & { subset: Subset }) =>
      withProgress({ json, quiet }, ['database'], async (config, terminal) =>
        (await import('./commands/check.ts')).check(config, terminal, subset),
      ),
    );
}

function addLoads(npi: Command): void {
  const load = command(
    npi,
    'load',
    'Load a CMS zip from disk: a weekly, a monthly or a deactivation report',
    ['surgicase npi load /data/NPPES_Data_Dissemination_September_2026_V2.zip'],
  );
  withQuiet(load)
    .argument('<zip>', "Path on the worker's host; keep CMS's file name")
    .option('--dry-run', 'Report what the run would do; publish nothing')
    .option('--no-wait', 'Return as soon as the run has started')
    .action((zip: string, { json, quiet, ...options }: QuietOr & { dryRun?: boolean; wait: boolean }) =>
      withProgress({ json, quiet }, ['temporal'], async (config, terminal) =>
        (await import('./commands/load.ts')).load(config, terminal, zip, options),
      ),
    );
  const replace = command(
    npi,
    'replace',
    'Replace the registry with the newest monthly from the CMS page, if it is not loaded yet',
    ['surgicase npi replace --dry-run', 'surgicase npi replace'],
  );
  withQuiet(withPerson(replace))
    .option('--dry-run', 'Show the size, rows, disk space and time that it takes; needs only the CMS page')
    .option('--no-wait', 'Return as soon as the run has started')
    .action(
      ({ json, quiet, dryRun, ...options }: QuietOr & PersonOptions & { dryRun?: boolean; wait: boolean }) =>
        withProgress({ json, quiet }, dryRun ? [] : ['temporal'], async (config, terminal) => {
          if (dryRun) return (await import('./commands/replace-preview.ts')).previewReplace(config, terminal);
          return (await import('./commands/replace.ts')).replace(config, terminal, options);
        }),
    );
  const rebuild = command(npi, 'rebuild', "Load the registry again from the zips in the worker's archive", [
    'surgicase npi rebuild --from-archive --dry-run',
    'surgicase npi rebuild --from-archive --until NPPES_Data_Dissemination_091426_092026_Weekly_V2',
  ]);
  withQuiet(withPerson(rebuild))
    .requiredOption('--from-archive', 'Use the zips in NPI_ARCHIVE_DIR, not the CMS page')
    .option('--until <release>', 'The last release to load; later ones count as not loaded', releaseArgument)
    .option('--dry-run', 'List the releases that would be loaded')
    .option('--no-wait', 'Return as soon as the run has started')
    .action(({ json, quiet, ...options }: QuietOr & RebuildOptions) =>
      withProgress({ json, quiet }, ['temporal'], async (config, terminal) =>
        (await import('./commands/rebuild.ts')).rebuild(config, terminal, options),
      ),
    );
  const rollback = command(npi, 'rollback', 'Take the newest release back, or bring it forward again', [
    'surgicase npi rollback --reason "the week lacks California"',
    'surgicase npi rollback --forward',
    'surgicase npi rollback --resume',
  ]);
  withQuiet(withPerson(rollback))
    .addOption(
      new Option('--forward', 'Bring the release forward that was taken back last').conflicts('resume'),
    )
    .option('--resume', 'Leave it taken back for good, and let runs load again')
    .option('--no-wait', 'Return as soon as the run has started')
    .action(({ json, quiet, ...options }: QuietOr & RollbackOptions) =>
      withProgress({ json, quiet }, ['temporal'], async (config, terminal) =>
        (await import('./commands/rollback.ts')).rollback(config, terminal, options),
      ),
    );
}

function dayArgument(day: string): string {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(day) : Number.NaN;
  // JavaScript takes February 30 for March 2.
  if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(day)) return day;
  throw new InvalidArgumentError('It must be a day such as 2026-09-20.');
}

const wholeRegistry: Subset = { part: 1, parts: 1 };

function subsetArgument(text: string): Subset {
  const [, part = 0, parts = 0] = (/^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []).map(Number);
  if (part >= 1 && part <= parts) return { part, parts };
  throw new InvalidArgumentError('It must be a part and the number of parts, such as 1/52.');
}

function releaseArgument(name: string): string {
  if (parseReleaseName(name.replace(/(\.zip)?$/i, '.zip'))) return name;
  throw new InvalidArgumentError("It must be CMS's file name, with or without .zip.");
}
