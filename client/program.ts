import { createRequire } from 'node:module';
import process from 'node:process';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { processEnvironmentWithServices, readConfig, startedWith } from '../config/config.ts';
import { durationBetween } from '../config/values.ts';
import { jobs, type Job } from '../contract/schedules.ts';
import type { AdoptOptions } from './commands/adopt.ts';
import type { RunOptions } from './commands/run.ts';
import type { StartOptions } from './commands/start.ts';
import { refusePerson, withPerson, type PersonOptions } from './decided-by.ts';
import { exitCodeMeanings, exitCodes } from './exit.ts';
import { helpLayout, listAfter } from './help.ts';
import {
  command,
  group,
  wholeNumber,
  withConfig,
  withProgress,
  withQuiet,
  type Json,
  type QuietOr,
} from './program-command.ts';
import { addRegistry } from './program-npi.ts';
import { addCases, addRuns } from './program-runs.ts';
import { createTerminal } from './terminal.ts';

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
  addDoctor(program);
  addSchedules(group(program, 'schedules', 'Create, change, pause and resume the weekly schedules'));
  addDatabase(group(program, 'db', 'Prepare the database'));
  addRegistry(group(program, 'npi', 'Inspect, search and load the provider registry'));
  addCases(group(program, 'cases', 'Preview, inspect and undo case updates'));
  addRuns(group(program, 'runs', 'List, inspect and control runs'));
  return program;
}

const anyJob = () => new Argument('<job>', 'Name of the weekly job').choices(jobs);

const pauseTime = durationBetween(1000, 365 * 86_400_000);
const pauseLength = (text: string) => {
  const ms = pauseTime(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError('It must be a duration from 1s to 365d, such as 12h or 2d.');
};

type StatusOptions = PersonOptions & { readonly check?: boolean; readonly acknowledge?: number };

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

  command(program, 'worker', 'Run a worker until SIGTERM', [
    'surgicase worker',
    'surgicase worker --replay-check',
  ])
    .option(
      '--replay-check',
      'First replay the open and the last 50 runs; do not start if one does not replay',
    )
    .action(async ({ replayCheck: isChecked = false }: { readonly replayCheck?: boolean }) => {
      const { worker } = await import('./commands/worker.ts');
      // The worker writes the warnings of the configuration to its log.
      const config = readConfig(processEnvironmentWithServices(), ['database', 'temporal']);
      process.exitCode = await worker(config, { isChecked });
    });

  const run = command(program, 'run', 'Run a job now, follow it and print its summary', [
    'surgicase run npi-update',
    'surgicase run npi-update --quiet',
    'surgicase run paid-update --dry-run',
    'surgicase run pending-payment-update --limit 500',
  ]);
  withQuiet(run)
    .addArgument(anyJob())
    .option('--no-wait', 'Return as soon as the run has started')
    .addOption(
      new Option('--attach', 'Follow the open run of the job; start none').conflicts(['dryRun', 'limit']),
    )
    .option('--dry-run', 'Report what the run would do; publish and move nothing')
    .option('--limit <cases>', 'Require approval above this many cases', wholeNumber)
    .action((job: Job, { json, quiet, ...options }: QuietOr & RunOptions) =>
      withProgress({ json, quiet }, ['temporal'], async (config, terminal) =>
        (await import('./commands/run.ts')).run(config, terminal, job, options),
      ),
    );

  const statusCommand = command(
    program,
    'status',
    'Show what is wrong, the last and next runs, the open runs, and the registry; exits with 1 when something is wrong',
    [
      'surgicase status',
      'surgicase status --check',
      'surgicase status --acknowledge 12 --reason "CMS has no such week"',
    ],
  )
    .option('--check', 'Print one line for a monitor')
    .addOption(
      new Option('--acknowledge <number>', 'Take a warning off the page')
        .argParser(wholeNumber)
        .conflicts('check'),
    );
  withPerson(statusCommand, '--acknowledge').action(
    ({ json, check, acknowledge: warningId, ...person }: Json & StatusOptions) =>
      withConfig(
        json,
        warningId === undefined ? ['database', 'temporal'] : ['database'],
        async (config, terminal) => {
          if (warningId !== undefined)
            return (await import('./commands/acknowledge.ts')).acknowledge(
              config,
              terminal,
              warningId,
              person,
            );
          refusePerson(person, '--acknowledge');
          return (await import('./commands/status.ts')).status(config, terminal, { isCheck: check ?? false });
        },
      ),
  );
}

function addDoctor(program: Command): void {
  command(
    program,
    'doctor',
    'Check every dependency and the configuration, and say how to fix what is wrong; exits with 1 when anything is',
    ['surgicase doctor', 'surgicase doctor --json'],
  ).action(async ({ json }: Json) => {
    const { doctor } = await import('./commands/doctor.ts');
    // Not withConfig: a configuration that is not valid is one of the findings.
    const read = () => readConfig(processEnvironmentWithServices());
    const surroundings = { read, variables: startedWith(), folder: process.cwd() };
    process.exitCode = await doctor(surroundings, createTerminal(json ?? false));
  });
}

function addSchedules(schedules: Command): void {
  command(schedules, 'apply', "Create missing schedules and update changed ones; keeps an operator's pause", [
    'surgicase schedules apply --dry-run',
    'surgicase schedules apply',
  ])
    .option('--dry-run', 'Show what would change')
    .action(({ json, dryRun }: Json & { dryRun?: boolean }) =>
      withConfig(json, ['temporal'], async (config, terminal) =>
        (await import('./commands/schedules.ts')).apply(config, terminal, dryRun ?? false),
      ),
    );
  command(schedules, 'diff', 'Show what `apply` would change', ['surgicase schedules diff']).action(
    ({ json }: Json) =>
      withConfig(json, ['temporal'], async (config, terminal) =>
        (await import('./commands/schedules.ts')).apply(config, terminal, true),
      ),
  );
  command(schedules, 'list', 'Show when each job runs next and when it ran last', [
    'surgicase schedules list',
  ]).action(({ json }: Json) =>
    withConfig(json, ['temporal'], async (config, terminal) =>
      (await import('./commands/schedules.ts')).list(config, terminal),
    ),
  );
  for (const [name, isPaused, summary] of [
    ['pause', true, 'Stop scheduled runs; manual runs still work'],
    ['resume', false, 'Resume scheduled runs'],
  ] as const) {
    const changing = command(schedules, name, summary, [
      `surgicase schedules ${name} npi-update`,
      `surgicase schedules ${name} paid-update --reason "${isPaused ? 'month-end close" --for 2d' : 'closed"'}`,
    ]);
    withPerson(changing)
      .addArgument(anyJob())
      .action((job: Job, { json, for: forMs, ...person }: Json & PersonOptions & { for?: number }) =>
        withConfig(json, ['temporal'], async (config, terminal) =>
          (await import('./commands/schedules.ts')).setPaused(config, terminal, job, {
            isPaused,
            ...person,
            ...(forMs !== undefined && { forMs }),
          }),
        ),
      );
    if (isPaused) changing.option('--for <time>', 'Resume after this time, such as 12h or 2d', pauseLength);
  }
}

function addDatabase(db: Command): void {
  command(db, 'migrate', 'Create missing tables; never alters existing ones', [
    'surgicase db migrate --dry-run',
    'surgicase db migrate',
  ])
    .option('--dry-run', 'Print the statements; run none')
    .action(({ json, dryRun }: Json & { dryRun?: boolean }) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/db.ts')).migrateCommand(config, terminal, { isDryRun: dryRun ?? false }),
      ),
    );
  command(
    db,
    'check',
    'Name what the jobs need and the database lacks; exits with 1 when it lacks anything',
    ['surgicase db check'],
  ).action(({ json }: Json) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/db.ts')).check(config, terminal),
    ),
  );
  command(db, 'grants', "Print the GRANT statements with the least rights for the service's login", [
    'surgicase db grants --user surgicase --host 10.0.0.%',
  ])
    .option('--user <name>', 'User of the account', 'surgicase')
    .option('--host <host>', 'Host of the account', '%')
    .action(({ json, user, host }: Json & { user: string; host: string }) =>
      withConfig(json, [], async (config, terminal) =>
        (await import('./commands/db.ts')).showGrants(config, terminal, { user, host }),
      ),
    );
  const summary = 'Convert an existing database for use by this service; keeps the original tables';
  const adopt = command(db, 'adopt', summary, [
    'surgicase db adopt --dry-run',
    'surgicase db adopt',
    'surgicase db adopt --finish --reason "two weeks without complaints"',
  ]);
  withQuiet(withPerson(adopt, '--finish'))
    .option('--dry-run', 'Count the problems and print every statement; change nothing')
    .addOption(new Option('--finish', 'Drop the original tables that an adoption kept').conflicts('dryRun'))
    .action(({ json, quiet, ...options }: QuietOr & AdoptOptions) =>
      withProgress({ json, quiet }, ['database'], async (config, terminal) =>
        (await import('./commands/adopt.ts')).adoptCommand(config, terminal, options),
      ),
    );
}
