import { createRequire } from 'node:module';
import process from 'node:process';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError, processEnvironmentWithServices, readConfig, type Config } from '../config/config.ts';
import { caseMoves, jobs, type CaseJob, type Job } from '../contract/schedules.ts';
import type { AdoptOptions } from './commands/adopt.ts';
import type { SearchOptions } from './commands/npi.ts';
import type { RunOptions } from './commands/run.ts';
import type { StartOptions } from './commands/start.ts';
import { CommandError, exitCodes } from './exit.ts';
import { createTerminal, type Terminal } from './terminal.ts';

// Each command's file is loaded when it is called: Temporal's client alone takes half a second.
const { version } = createRequire(import.meta.url)('surgicase-pipelines/package.json') as { version: string };
const program = new Command('surgicase')
  .description("SurgiCase's weekly jobs as durable Temporal workflows")
  .version(version)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text) });

const anyJob = () => new Argument('<job>', 'one of the weekly jobs').choices(jobs);
const wholeNumber = (text: string) => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It is no whole number from 1.');
  return Number(text);
};

/** What a command needs of the configuration, and what it does with it. */
type Need = Parameters<typeof readConfig>[1];
type Work = (config: Config, terminal: Terminal) => Promise<number>;

async function withConfig(json: boolean | undefined, need: Need, work: Work): Promise<void> {
  process.exitCode = await work(
    readConfig(processEnvironmentWithServices(), need),
    createTerminal(json ?? false),
  );
}

const command = (parent: Command, name: string, summary: string) =>
  parent.command(name).description(summary).option('--json', 'one JSON value on stdout, logs on stderr');

interface Json {
  readonly json?: boolean;
}

command(program, 'start', 'bring up what is not configured, run a worker, stay up until Ctrl-C')
  .option('--once', 'end after the runs, with the exit code of the worst')
  .addOption(new Option('--run <job>', 'run this job now').choices([...jobs, 'all']))
  .addOption(new Option('--source <source>', 'where the registry comes from').choices(['cms', 'sample']))
  .option('--verbose', 'say what was tried to find each service')
  .action(async ({ json, ...options }: Json & StartOptions) => {
    const { start } = await import('./commands/start.ts');
    process.exitCode = await start(createTerminal(json ?? false), options);
  });

command(program, 'worker', 'a worker on the configured Temporal and database, until SIGTERM').action(
  ({ json }: Json) =>
    withConfig(json, ['database', 'temporal'], async (config) =>
      (await import('./commands/worker.ts')).worker(config),
    ),
);

command(program, 'run', 'run a job now, follow it and print its summary')
  .addArgument(anyJob())
  .option('--no-wait', 'trigger it and return')
  .option('--attach', 'follow the run that is at work, if there is one')
  .option('--dry-run', 'find out what would be done; publish and move nothing')
  .option('--limit <cases>', 'a run that would move more cases waits for an approval', wholeNumber)
  .action((job: Job, { json, ...options }: Json & RunOptions) =>
    withConfig(json, ['temporal'], async (config, terminal) =>
      (await import('./commands/run.ts')).run(config, terminal, job, options),
    ),
  );

command(
  program,
  'status',
  'one page: servers, last and next runs, the registry, what waits for an answer',
).action(({ json }: Json) =>
  withConfig(json, ['database', 'temporal'], async (config, terminal) =>
    (await import('./commands/status.ts')).status(config, terminal),
  ),
);

const schedules = program.command('schedules').description('the weekly schedules in Temporal');
command(schedules, 'apply', 'create and update the schedules; a pause made by an operator stays')
  .option('--dry-run', 'say what would change')
  .action(({ json, dryRun }: Json & { dryRun?: boolean }) =>
    withConfig(json, ['temporal'], async (config, terminal) =>
      (await import('./commands/schedules.ts')).apply(config, terminal, dryRun ?? false),
    ),
  );
command(schedules, 'diff', 'what apply would change').action(({ json }: Json) =>
  withConfig(json, ['temporal'], async (config, terminal) =>
    (await import('./commands/schedules.ts')).apply(config, terminal, true),
  ),
);
command(schedules, 'list', 'when each job runs next').action(({ json }: Json) =>
  withConfig(json, ['temporal'], async (config, terminal) =>
    (await import('./commands/schedules.ts')).list(config, terminal),
  ),
);
for (const [name, isPaused] of [
  ['pause', true],
  ['resume', false],
] as const) {
  command(schedules, name, isPaused ? 'stop firing; runs by hand still work' : 'fire again')
    .addArgument(anyJob())
    .option('--note <text>', 'why, for those who see it in the Web UI')
    .action((job: Job, { json, note }: Json & { note?: string }) =>
      withConfig(json, ['temporal'], async (config, terminal) =>
        (await import('./commands/schedules.ts')).setPaused(config, terminal, job, {
          isPaused,
          ...(note !== undefined && { note }),
        }),
      ),
    );
}

const db = program.command('db').description('the database');
command(db, 'migrate', 'create what is absent; nothing that is there is altered').action(({ json }: Json) =>
  withConfig(json, ['database'], async (config, terminal) =>
    (await import('./commands/db.ts')).migrateCommand(config, terminal),
  ),
);

command(db, 'adopt', 'make of a database that is already there what the jobs need; the originals are kept')
  .option('--dry-run', 'count what is wrong and print every statement; nothing is changed')
  .addOption(new Option('--finish', 'drop the originals that an adoption kept').conflicts('dryRun'))
  .action(({ json, ...options }: Json & AdoptOptions) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/adopt.ts')).adoptCommand(config, terminal, options),
    ),
  );

const npi = program.command('npi').description('the provider registry in the tables');
command(npi, 'status', 'what is loaded, the days that are missing, and the rows in quarantine').action(
  ({ json }: Json) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/npi.ts')).npiStatus(config, terminal),
    ),
);
command(npi, 'lookup', 'the row of one provider')
  .argument('<npi>')
  .action((number: string, { json }: Json) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/npi.ts')).lookup(config, terminal, number),
    ),
  );
command(
  npi,
  'search',
  'surgeons by last name and facilities by name, in the tables that the application reads',
)
  .argument('<name>')
  .option('--state <code>', 'only in this state')
  .option('--contains', 'as the application: anywhere in the names that begin with the same letter')
  .option('--limit <rows>', 'at most so many of each kind', wholeNumber, 20)
  .action((name: string, { json, ...options }: Json & SearchOptions) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/npi.ts')).search(config, terminal, name, options),
    ),
  );
command(npi, 'load', 'load a zip of CMS from this disk: a weekly, a monthly or a deactivation report')
  .argument(
    '<zip>',
    'its path, the same on the host of the worker, which reads it there; its name as CMS gives it',
  )
  .option('--dry-run', 'find out what would be done; publish nothing')
  .option('--no-wait', 'start it and return')
  .action((zip: string, { json, ...options }: Json & { dryRun?: boolean; wait: boolean }) =>
    withConfig(json, ['temporal'], async (config, terminal) =>
      (await import('./commands/load.ts')).load(config, terminal, zip, options),
    ),
  );
command(npi, 'replace', 'load the full registry, the newest monthly, in the place of what is there')
  .option('--dry-run', 'say what it takes: size, rows, disk, minutes; needs the page only')
  .option('--no-wait', 'start it and return')
  .action(({ json, dryRun, wait }: Json & { dryRun?: boolean; wait: boolean }) =>
    withConfig(json, dryRun ? [] : ['temporal'], async (config, terminal) => {
      if (dryRun) return (await import('./commands/replace-preview.ts')).previewReplace(config, terminal);
      return (await import('./commands/replace.ts')).replace(config, terminal, { wait });
    }),
  );

const cases = program.command('cases').description('what the weekly jobs do to the cases');
const atMost = (what: string) => [`at most so many ${what}`, wholeNumber, 20] as const;
command(cases, 'preview', 'what a run would move now; nothing is written')
  .addArgument(new Argument('[job]', 'only this job').choices(Object.keys(caseMoves)))
  .option('--limit <ids>', ...atMost('ids of each job'))
  .action((job: CaseJob | undefined, { json, limit }: Json & { limit: number }) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/cases.ts')).preview(config, terminal, job, { limit }),
    ),
  );
command(cases, 'history', 'the runs that moved cases, or what they did to one case')
  .argument('[case]')
  .option('--limit <runs>', ...atMost('runs'))
  .action((id: string | undefined, { json, limit }: Json & { limit: number }) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/cases.ts')).history(config, terminal, id, { limit }),
    ),
  );
command(cases, 'exceptions', 'every case that a run could not move, with the reason')
  .argument('<run>')
  .option('--csv', 'as CSV')
  .action((run: string, { json, ...options }: Json & { csv?: boolean }) =>
    withConfig(json, ['database'], async (config, terminal) =>
      (await import('./commands/cases.ts')).exceptions(config, terminal, run, options),
    ),
  );
command(cases, 'undo', 'bring back the cases that still stand where a run put them')
  .argument('<run>')
  .action((run: string, { json }: Json) =>
    withConfig(json, ['temporal'], async (config, terminal) =>
      (await import('./commands/cases.ts')).undo(config, terminal, run),
    ),
  );

const runs = program.command('runs').description('the runs that are at work');
for (const [name, isApproved] of [
  ['approve', true],
  ['reject', false],
] as const) {
  command(
    runs,
    name,
    isApproved
      ? 'let a run that waits go on: its cases move, or its monthly goes live'
      : 'end a run that waits; cases and registry stay as they are',
  )
    .argument('<id>', 'run id or workflow id')
    .action((id: string, { json }: Json) =>
      withConfig(json, ['temporal'], async (config, terminal) =>
        (await import('./commands/runs.ts')).decide(config, terminal, id, isApproved),
      ),
    );
}

// A reader that has seen enough (`… | head`) is no failure; the run goes on without an audience.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = ended(error);
}

function ended(error: unknown): number {
  // Commander has told a person already; help and version are no errors.
  const isUsage = error instanceof CommanderError;
  if (isUsage && error.exitCode === 0) return exitCodes.done;
  const isExpected = error instanceof CommandError || error instanceof ConfigError;
  const { message } = error as Error;
  if (process.argv.includes('--json')) {
    const exitCode = isUsage ? exitCodes.usage : isExpected ? error.exitCode : exitCodes.failed;
    process.stdout.write(`${JSON.stringify({ error: { message, exitCode } })}\n`);
  }
  if (isUsage) return exitCodes.usage;
  if (isExpected) {
    process.stderr.write(`${message}\n`);
    return error.exitCode;
  }
  process.stderr.write(
    `${(error as Error).stack ?? message}\n\nThis is a defect of surgicase ${version}: please report it with the command and the lines above.\n`,
  );
  return exitCodes.failed;
}
