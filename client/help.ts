import type { AddHelpTextContext, Help } from 'commander';

// With less room than this beside its term, a description goes below it.
const narrowestColumn = 30;
const indent = 2;
const indentBelow = 6;

/** Wraps help to the terminal's width, however narrow; Commander itself stops wrapping below 40 columns. */
export const helpLayout: Partial<Help> = { minWidthToWrap: 1, formatItem };

function formatItem(term: string, termWidth: number, description: string, help: Help): string {
  const width = help.helpWidth ?? 80;
  const column = indent + termWidth + 2;
  const isBeside = width - column >= narrowestColumn;
  const left = isBeside ? column : indentBelow;
  const wrapped = help.boxWrap(description, width - left).replaceAll('\n', `\n${' '.repeat(left)}`);
  const head = `${' '.repeat(indent)}${term}`;
  if (wrapped === '') return head;
  return isBeside ? `${head.padEnd(column)}${wrapped}` : `${head}\n${' '.repeat(left)}${wrapped}`;
}

/** A list under the help of a command, laid out as its options are. */
export function listAfter(title: string, items: readonly (readonly [string, string])[]) {
  return ({ command }: AddHelpTextContext): string => {
    const help = command.createHelp();
    const helpWidth = command.configureOutput().getOutHelpWidth?.();
    help.prepareContext({ ...(helpWidth !== undefined && { helpWidth }) });
    const termWidth = Math.max(...items.map(([term]) => term.length));
    return [`\n${title}`, ...items.map(([term, text]) => formatItem(term, termWidth, text, help))].join('\n');
  };
}
