import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../../client/program.ts';
import { leaves, nameOf, parsed } from '../../bed/command-line.ts';

/** The help of every command, as a terminal of this width shows it. Commands to copy keep their lines. */
function helpAt(width: number, command: Command): string[] {
  let text = '';
  command.configureOutput({ getOutHelpWidth: () => width, writeOut: (part) => (text += part) });
  command.outputHelp();
  const [help = ''] = text.split('\nExamples:');
  const lines = help.split('\n').filter((line) => !line.startsWith('Usage:'));
  return [...lines, ...command.commands.flatMap((child) => helpAt(width, child))];
}

/** The examples in the help of a command. */
function examplesOf(command: Command): string[] {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  const [, examples = ''] = text.split('\nExamples:\n');
  return examples
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

describe('the examples', () => {
  const commands = leaves(buildProgram());

  it.each(commands.map((command) => [nameOf(command), command] as const))(
    'of %s exist, and parse as that command',
    async (name, command) => {
      const examples = examplesOf(command);
      expect(examples).not.toEqual([]);
      for (const example of examples) expect(await parsed(example)).toBe(name);
    },
  );

  it('are refused when they name an option that the command does not have', async () => {
    await expect(parsed('surgicase npi search smith --country US')).rejects.toThrow('unknown option');
  });
});

describe('the help', () => {
  it.each([40, 60, 80, 132])('fits a terminal of %i columns', (width) => {
    const lines = helpAt(width, buildProgram());
    expect(lines.length).toBeGreaterThan(150);
    expect(lines.filter((line) => line.length > width)).toEqual([]);
  });

  it('says the same at every width', () => {
    const words = (width: number) => helpAt(width, buildProgram()).join(' ').split(/\s+/);
    expect(words(40)).toEqual(words(132));
    expect(words(40).join(' ')).toContain(
      'The run failed or was rejected, or the command could not do its work',
    );
  });
});
