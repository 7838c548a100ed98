import process from 'node:process';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { processEnvironmentWithServices, readConfig, type Config } from '../config/config.ts';
import { exitCodes } from './exit.ts';
import { createQuietTerminal, createTerminal, type Terminal } from './terminal.ts';

/** What a command needs from the configuration, and what it does with it. */
type Need = Parameters<typeof readConfig>[1];
type Work = (config: Config, terminal: Terminal) => Promise<number>;

/** The options of a command that prints progress. */
export interface QuietOr extends Json {
  readonly quiet?: boolean;
}

/** Adds `--quiet`. Without progress and summary, the value of `--json` would be all that is left. */
export const withQuiet = (to: Command) =>
  to.addOption(new Option('--quiet', 'Print nothing unless it fails, for cron').conflicts('json'));

/** The same as `withConfig`; with `quiet`, prints nothing unless the command fails. */
export async function withProgress(
  { json, quiet }: { readonly [Name in keyof QuietOr]: boolean | undefined },
  need: Need,
  work: Work,
): Promise<void> {
  if (!quiet) return withConfig(json, need, work);
  const terminal = createQuietTerminal();
  let isDone = false;
  try {
    const config = readConfig(processEnvironmentWithServices(), need);
    for (const warning of config.warnings) terminal.say(`Warning: ${warning}`);
    process.exitCode = await work(config, terminal);
    isDone = process.exitCode === exitCodes.done;
  } finally {
    if (!isDone) terminal.flush();
  }
}

/** Reads the configuration, prints its warnings, and runs the command with it. */
export async function withConfig(json: boolean | undefined, need: Need, work: Work): Promise<void> {
  const config = readConfig(processEnvironmentWithServices(), need);
  for (const warning of config.warnings) process.stderr.write(`Warning: ${warning}\n`);
  process.exitCode = await work(config, createTerminal(json ?? false));
}

/** The option that every command has. */
export interface Json {
  readonly json?: boolean;
}

/** A command that only holds others. */
export const group = (parent: Command, name: string, summary: string) =>
  parent.command(name).description(summary).helpCommand('help [command]', 'Print the help of a command');

/** A command with `--json` and with examples in its help. */
export const command = (parent: Command, name: string, summary: string, examples: readonly string[]) =>
  parent
    .command(name)
    .description(summary)
    .option('--json', 'Print one JSON value on stdout; logs go to stderr')
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`);

/** Parses an argument. @throws InvalidArgumentError */
export const wholeNumber = (text: string) => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return Number(text);
};
