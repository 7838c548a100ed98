import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../../client/program.ts';

/** The help of every command, as a terminal of this width shows it. Commands to copy keep their lines. */
function helpAt(width: number, command: Command): string[] {
  let text = '';
  command.configureOutput({ getOutHelpWidth: () => width, writeOut: (part) => (text += part) });
  command.outputHelp();
  const [help = ''] = text.split('\nExamples:');
  const lines = help.split('\n').filter((line) => !line.startsWith('Usage:'));
  return [...lines, ...command.commands.flatMap((child) => helpAt(width, child))];
}

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
