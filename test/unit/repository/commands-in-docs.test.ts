import { expect, it } from 'vitest';
import { parsed } from '../../bed/command-line.ts';
import { commandLines, pages } from '../../bed/documented-commands.ts';

/** Placeholders as people read them, and a value of that kind. */
const values: readonly (readonly [RegExp, string])[] = [
  [/<job>/g, 'npi-update'],
  [/<[\w -]+>/g, '1'],
];

/** With values for the placeholders. */
const asTyped = (line: string) =>
  values.reduce((text, [pattern, value]) => text.replace(pattern, value), line);

/** Prose also mentions a command by its name alone, or a group of commands, which then prints its help. */
const isMention = (message: string) => /missing required argument|outputHelp/.test(message);

it.each(pages)('every command in %s parses', async (page) => {
  const refused: string[] = [];
  for (const line of new Set(commandLines(page, 'surgicase').map(asTyped)))
    await parsed(line).then(
      (ran) => ran || refused.push(`${line}: runs nothing`),
      ({ message }: Error) => isMention(message) || refused.push(`${line}: ${message}`),
    );
  expect(refused).toEqual([]);
});

it('finds the commands of the pages, in blocks and in prose', () => {
  const found = pages.flatMap((page) => commandLines(page, 'surgicase'));
  expect(found.length).toBeGreaterThan(100);
  expect(commandLines('README.md', 'surgicase')).toContain('surgicase db migrate');
});
