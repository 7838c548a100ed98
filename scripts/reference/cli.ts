import type { Argument, Command, Option } from 'commander';
import { exitCodeMeanings, exitCodes } from '../../client/exit.ts';
import { buildProgram } from '../../client/program.ts';
import { code, generatedPage, table } from './markdown.ts';

/** docs/cli.md: every command with its usage, description, arguments, options and examples. */
export function cliPage(): string {
  const codes = Object.entries(exitCodeMeanings).map(([name, meaning]) => [
    code(String(exitCodes[name as keyof typeof exitCodes])),
    meaning,
  ]);
  return [
    generatedPage('Command line', '`client/program.ts`'),
    'In a checkout, write `npx surgicase` instead of `surgicase`. Every command accepts `--help`, and reads its settings from',
    'the environment and a `.env` file ([configuration](configuration.md)). On a terminal, a run shows a progress bar;',
    'otherwise it prints one line for each step.\n',
    '## Exit codes\n',
    'All commands use the same exit codes:\n',
    `${table(['code', 'meaning'], codes)}\n`,
    'Special cases: `status` exits with 3 when Temporal or the database does not answer, and with 1 when it lists',
    'something that is wrong. `db adopt --dry-run` exits with 1 when something prevents the adoption. `start --once` exits with',
    'the highest code of its runs. A run that waited 30 minutes for another run of its job exits with 4.\n',
    '## JSON\n',
    'With `--json`, a command prints exactly one JSON value on stdout, including for errors: [JSON output](json-output.md).\n',
    ...leafCommands(buildProgram()).map(section),
  ].join('\n');
}

function leafCommands(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leafCommands);
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function section(command: Command): string {
  const examples = examplesOf(command);
  return [
    `## ${fullName(command)}\n`,
    `${command.description()}.\n`,
    `\`\`\`text\n${fullName(command)} ${command.usage()}\n\`\`\`\n`,
    ...(command.registeredArguments.length === 0
      ? []
      : [`${table(['argument', 'meaning'], command.registeredArguments.map(argumentRow))}\n`]),
    `${table(['option', 'meaning'], command.options.map(optionRow))}\n`,
    ...(examples === '' ? [] : [`\`\`\`sh\n${examples}\n\`\`\`\n`]),
  ].join('\n');
}

const choices = ({ argChoices }: Argument | Option): string =>
  argChoices === undefined ? '' : `: ${argChoices.map(code).join(', ')}`;

const argumentRow = (argument: Argument): string[] => [
  code(argument.required ? `<${argument.name()}>` : `[${argument.name()}]`),
  argument.description + choices(argument),
];

function optionRow(option: Option): string[] {
  const hasDefault = typeof option.defaultValue === 'number';
  const shown = hasDefault ? ` (default ${String(option.defaultValue)})` : '';
  return [code(option.flags), option.description + choices(option) + shown];
}

/** The lines after `Examples:` in the help of a command. */
function examplesOf(command: Command): string {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const [, examples = ''] = help.split('Examples:\n');
  return examples
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .join('\n');
}
