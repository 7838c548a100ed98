import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parsed } from '../../bed/command-line.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// docs/cli.md is generated from the program itself.
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md') && name !== 'cli.md');
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...docs.map((name) => join('docs', name))];

/** Placeholders as people read them, and a value of that kind. */
const values: readonly (readonly [RegExp, string])[] = [
  [/<job>/g, 'npi-update'],
  [/<[\w -]+>/g, '1'],
  [/ …$/, ''],
];

/** The command lines in the code blocks and the prose of a page, without the lines that commands print. */
function commandLines(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = Array.from(text.matchAll(/^```\w*\n(.*?)^```$/gms), ([, block = '']) => block).join('\n');
  const inBlocks = blocks.matchAll(/^\s*(?:\$ )?(?:npx )?(surgicase .*)$/gm);
  const prose = text.replace(/^```\w*\n.*?^```$/gms, '');
  const inProse = prose.matchAll(/`(?:npx )?(surgicase\s[^`]+)`/g);
  const lines = [...inBlocks, ...inProse].map(([, line = '']) => asTyped(line));
  return lines.filter((line) => !/^surgicase (ok$|wrong: |:)/.test(line));
}

/** Without a comment, and with values for the placeholders. */
function asTyped(line: string): string {
  const [command = ''] = line.replace(/\s+/g, ' ').split(/ # | \(|; | \|| > /);
  return values.reduce((text, [pattern, value]) => text.replace(pattern, value), command).trim();
}

/** Prose also mentions a command by its name alone, or a group of commands, which then prints its help. */
const isMention = (message: string) => /missing required argument|outputHelp/.test(message);

it.each(pages)('every command in %s parses', async (page) => {
  const refused: string[] = [];
  for (const line of new Set(commandLines(page)))
    await parsed(line).then(
      (ran) => ran || refused.push(`${line}: runs nothing`),
      ({ message }: Error) => isMention(message) || refused.push(`${line}: ${message}`),
    );
  expect(refused).toEqual([]);
});

it('finds the commands of the pages, in blocks and in prose', () => {
  const found = pages.flatMap(commandLines);
  expect(found.length).toBeGreaterThan(100);
  expect(commandLines('README.md')).toContain('surgicase db migrate');
});
