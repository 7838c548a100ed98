import type { Command } from 'commander';
import { buildProgram } from '../../client/program.ts';

/** The commands that do something, without the groups that only hold others. */
export const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);

/** `surgicase npi load`. */
export const nameOf = (command: Command): string =>
  command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();

/** The words of a command line, as a shell would pass them. */
export function wordsOf(line: string): string[] {
  return Array.from(
    line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g),
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
}

/** Parses a command line, and names the command that it runs. Runs nothing. */
export async function parsed(line: string): Promise<string> {
  const words = wordsOf(line);
  const program = buildProgram();
  let ran = '';
  for (const leaf of leaves(program)) {
    leaf.exitOverride().configureOutput({ writeErr: () => undefined });
    leaf.action(() => void (ran = nameOf(leaf)));
  }
  await program.parseAsync(words.slice(1), { from: 'user' });
  return ran;
}
