import { createRequire } from 'node:module';
import process from 'node:process';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { processEnvironmentWithServices, readConfig, type Config } from '../config/config.ts';
import { caseMoves, jobs, type CaseJob, type Job } from '../contract/schedules.ts';
import type { AdoptOptions } from './commands/adopt.ts';
import type { SearchOptions } from './commands/npi.ts';
import type { RunOptions } from './commands/run.ts';
import type { StartOptions } from './commands/start.ts';
import { exitCodeMeanings, exitCodes } from './exit.ts';
import { helpLayout, listAfter } from './help.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export const { version } = createRequire(import.meta.url)('surgicase-pipelines/package.json') as {
  version: string;
};

const exitCodeItems = Object.entries(exitCodeMeanings).map(
  ([name, meaning]) => [String(exitCodes[name as keyof typeof exitCodes]), meaning] as const,
);

/**
 * The command line, ready to parse. `--help` and docs/cli.md show its descriptions.
 *
 * Each action imports its command's file when it runs: Temporal's client alone takes half a second to load.
 */
export function buildProgram(): Command {
  const program = new Command('surgicase')
    .description("Run SurgiCase's weekly jobs: case status updates and the NPPES provider registry")
    .version(version, '-V, --version', 'Print the version')
    .helpOption('-h, --help', 'Print this help')
    .helpCommand('help [command]', 'Print the help of a command')
    .configureHelp(helpLayout)
    .addHelpText('after', listAfter('Exit codes:', exitCodeItems))
    .exitOverride();
  addService(program);
  addSchedules(group(program, 'schedules', 'Create, change, pause and resume the weekly schedules'));
  addDatabase(group(program, 'db', 'Prepare the database'));
  addRegistry(group(program, 'npi', 'Inspect, search and load the provider registry'));
  addCases(group(program, 'cases', 'Preview, inspect and undo case updates'));
  addRuns(group(program, 'runs', 'List, inspect and control runs'));
  return program;
}

/** What a command needs from the configuration, and what it does with it. */
type Need = Parameters<typeof readConfig>[1];
type Work = (config: Config, terminal: Terminal) => Promise<number>;

async function withConfig(json: boolean | undefined, need: Need, work: Work): Promise<void> {
  const config = readConfig(processEnvironmentWithServices(), need);
  for (const warning of config.warnings) process.stderr.write(`Warning: ${warning}\n`);
  process.exitCode = await work(config, createTerminal(json ?? false));
}

interface Json {
  readonly json?: boolean;
}

const group = (parent: Command, name: string, summary: string) =>
  parent.command(name).description(summary).helpCommand('help [command]', 'Print the help of a command');

const command = (parent: Command, name: string, summary: string, examples: readonly string[] = []) =>
  parent
    .command(name)
    .description(summary)
    .option('--json', 'Print one JSON value on stdout; logs go to stderr')
    .addHelpText(
      'after',
      examples.length === 0 ? '' : `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`,
    );

const anyJob = () => new Argument('<job>', 'Name of the weekly job').choices(jobs);
const wholeNumber = (text: string) => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return Number(text);
};

function addService(program: Command): void {
  command(program, 'start', 'Start a worker and every service that is not configured; run until Ctrl-C', [
    'surgicase start',
    'surgicase start --run npi-update --once --json',
  ])
    .option('--once', 'Exit when the runs are done, with the exit code of the worst one')
    .addOption(new Option('--run <job>', 'Run this job now').choices([...jobs, 'all']))
    .addOption(
      new Option('--source <source>', 'Source of the registry (the CMS page or generated weeks)').choices([
        'cms',
        'sample',
      ]),
    )
    .option('--verbose', 'Show how each service was located, and every log line')
    .action(async ({ json, ...options }: Json & StartOptions) => {
      const { start } = await import('./commands/start.ts');
      process.exitCode = await start(createTerminal(json ?? false), options);
    });

  command(program, 'worker', 'Run a worker until SIGTERM').action(async () => {
    const { worker } = await import('./commands/worker.ts');
    // The worker writes the warnings of the configuration to its log.
    process.exitCode = await worker(readConfig(processEnvironmentWithServices(), ['database', 'temporal']));
  });

  command(program, 'run', 'Run a job now, follow it and print its summary', [
    'surgicase run npi-update',
    'surgicase run paid-update --dry-run',
    'surgicase run pending-payment-update --limit 500',
  ])
    .addArgument(anyJob())
    .option('--no-wait', 'Return as soon as the run has started')
    .option('--attach', 'Follow the run that is already running, if there is one')
    .option('--dry-run', 'Report what the run would do; publish and move nothing')
    .option('--limit <cases>', 'Require approval above this many cases', wholeNumber)
    .action((job: Job, { json, ...options }: Json & RunOptions) =>
      withConfig(json, ['temporal'], async (config, terminal) =>
        (await import('./commands/run.ts')).run(config, terminal, job, options),
      ),
    );

  command(
    program,
    'status',
    'Show the servers, the last and next runs, the registry, and the runs that wait for approval',
  ).action(({ json }: Json) =>
    withConfig(json, ['database', 'temporal'], async (config, terminal) =>
      (await import('./commands/status.ts')).status(config, terminal),
    ),
  );
}

function addSchedules(schedules: Command): void {
  command(schedules, 'apply', "Create missing schedules and update changed ones; keeps an operator's pause")
    .option('--dry-run', 'Show what would change')
    .action(({ json, dryRun }: Json & { dryRun?: boolean }) =>
      withConfig(json, ['temporal'], async (config, terminal) =>
        (await import('./commands/schedules.ts')).apply(config, terminal, dryRun ?? false),
      ),
    );
  command(schedules, 'diff', 'Show what `apply` would change').action(({ json }: Json) =>
    withConfig(json, ['temporal'], async (config, terminal) =>
      (await import('./commands/schedules.ts')).apply(config, terminal, true),
    ),
  );
  command(schedules, 'list', 'Show when each job runs next and when it ran last').action(({ json }: Json) =>
    withConfig(json, ['temporal'], async (config, terminal) =>
      (await import('./commands/schedules.ts')).list(config, terminal),
    ),
  );
  for (const [name, isPaused, summary] of [
    ['pause', true, 'Stop scheduled runs; manual runs still work'],
    ['resume', false, 'Resume scheduled runs'],
  ] as const) {
    command(schedules, name, summary)
      .addArgument(anyJob())
      .option('--note <text>', 'Record the reason, shown in the Web UI')
      .action((job: Job, { json, note }: Json & { note?: string }) =>
        withConfig(json, ['temporal'], async (config, terminal) =>
          (await import('./commands/schedules.ts')).setPaused(config, terminal, job, {
            isPaused,
            ...(note !== undefined && { note }),
          }),
        ),
      );
  }
}

function addDatabase(db: Command): void {
  command(db, 'migrate', 'Create missing tables; never alters existing ones').action(({ json }: Json) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/db.ts')).migrateCommand(config, terminal),
    ),
  );
  command(db, 'adopt', 'Convert an existing database for use by this service; keeps the original tables')
    .option('--dry-run', 'Count the problems and print every statement; change nothing')
    .addOption(new Option('--finish', 'Drop the original tables that an adoption kept').conflicts('dryRun'))
    .action(({ json, ...options }: Json & AdoptOptions) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/adopt.ts')).adoptCommand(config, terminal, options),
      ),
    );
}

function addRegistry(npi: Command): void {
  command(npi, 'status', 'Show what is loaded, which days are missing, and the refused rows').action(
    ({ json }: Json) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/npi.ts')).npiStatus(config, terminal),
      ),
  );
  command(npi, 'lookup', 'Show the row of one provider', ['surgicase npi lookup 1234567893'])
    .argument('<npi>', 'NPI, ten digits')
    .action((number: string, { json }: Json) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/npi.ts')).lookup(config, terminal, number),
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
  command(npi, 'load', 'Load a CMS zip from disk: a weekly, a monthly or a deactivation report', [
    'surgicase npi load /data/NPPES_Data_Dissemination_September_2026_V2.zip',
  ])
    .argument('<zip>', "Path on the worker's host; keep CMS's file name")
    .option('--dry-run', 'Report what the run would do; publish nothing')
    .option('--no-wait', 'Return as soon as the run has started')
    .action((zip: string, { json, ...options }: Json & { dryRun?: boolean; wait: boolean }) =>
      withConfig(json, ['temporal'], async (config, terminal) =>
        (await import('./commands/load.ts')).load(config, terminal, zip, options),
      ),
    );
  command(npi, 'replace', 'Replace the registry with the newest monthly from the CMS page')
    .option('--dry-run', 'Show the size, rows, disk space and time that it takes; needs only the CMS page')
    .option('--no-wait', 'Return as soon as the run has started')
    .action(({ json, dryRun, wait }: Json & { dryRun?: boolean; wait: boolean }) =>
      withConfig(json, dryRun ? [] : ['temporal'], async (config, terminal) => {
        if (dryRun) return (await import('./commands/replace-preview.ts')).previewReplace(config, terminal);
        return (await import('./commands/replace.ts')).replace(config, terminal, { wait });
      }),
    );
}

function addCases(cases: Command): void {
  command(cases, 'preview', 'Show which cases a run would move now; changes nothing')
    .addArgument(new Argument('[job]', 'Only this job').choices(Object.keys(caseMoves)))
    .option('--limit <ids>', 'Maximum number of case ids for each job', wholeNumber, 20)
    .action((job: CaseJob | undefined, { json, limit }: Json & { limit: number }) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/cases.ts')).preview(config, terminal, job, { limit }),
      ),
    );
  command(cases, 'history', 'List the runs that moved cases, or what they did to one case')
    .argument('[case]', 'Case id')
    .option('--limit <runs>', 'Maximum number of runs', wholeNumber, 20)
    .action((id: string | undefined, { json, limit }: Json & { limit: number }) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/cases.ts')).history(config, terminal, id, { limit }),
      ),
    );
  command(cases, 'exceptions', 'List every case that a run could not move, with the reason', [
    'surgicase cases exceptions 0197a5d0-1111-7222-8333-444455556666 --csv',
  ])
    .argument('<run>', 'Run id')
    .option('--csv', 'Print CSV')
    .action((run: string, { json, ...options }: Json & { csv?: boolean }) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/cases.ts')).exceptions(config, terminal, run, options),
      ),
    );
  command(cases, 'undo', 'Revert the cases of a run that have not changed since')
    .argument('<run>', 'Run id')
    .action((run: string, { json }: Json) =>
      withConfig(json, ['temporal'], async (config, terminal) =>
        (await import('./commands/cases.ts')).undo(config, terminal, run),
      ),
    );
}

function addRuns(runs: Command): void {
  for (const [name, isApproved, summary] of [
    ['approve', true, 'Let a waiting run continue: its cases move, or its monthly goes live'],
    ['reject', false, 'End a waiting run; cases and registry stay as they are'],
  ] as const) {
    command(runs, name, summary)
      .argument('<id>', 'Run id or workflow id')
      .action((id: string, { json }: Json) =>
        withConfig(json, ['temporal'], async (config, terminal) =>
          (await import('./commands/runs.ts')).decide(config, terminal, id, isApproved),
        ),
      );
  }
}
